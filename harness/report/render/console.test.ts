import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import {
  defaults,
  degradedReport,
  interruptedReport,
  leakReport,
  sampleReport,
} from '../testing/sample.ts';
import { renderConsole } from './console.ts';

const plain = { color: false, width: 80 };

test('a degraded run: tables, gates, what was lost, then the verdict', () => {
  const report = degradedReport();
  const [scenario] = report.scenarios;
  const one = { ...report, scenarios: scenario === undefined ? [] : [scenario] };
  expect(renderConsole(one, plain)).toMatchInlineSnapshot(`
    "block-4k  Does an io_uring netpoller lower the latency of block-4k?
      4,000 requests/s Poisson over 2 × 64 connections, 100 ms slices; 3 of 10
      rounds

      metric                      epoll  io_uring     io_uring ÷ epoll  reading
      p50                       61.2 µs   80.2 µs   ×1.31 [1.27, 1.35]  worse
      p99                        187 µs    228 µs   ×1.22 [1.19, 1.25]  worse
      CPU/request               21.4 µs   30.8 µs   ×1.44 [1.40, 1.48]  worse
      context switches/request    0.412     0.420  ×1.02 [0.992, 1.05]  undecided
      allocations/request          18.0      18.0  ×1.00 [0.973, 1.03]  undecided
      ! fewer than 6 rounds: the interval is wide (io_uring: p99)
      ! No probes: wake-ups, system calls and descriptors were not seen.

    Gated metrics
      ? unmeasurable  block-4k · io_uring · wake-up p99 (budget)
          expected  at most 50.0 µs
          found     no value: the capture was lost
          do        give netprobe its capabilities, see “What could not be captured”
      ✓ pass  block-4k · epoll · p50: ×0.99 [0.96, 1.02] of the baseline
      ✓ pass  block-4k · epoll · p99, allocations/request: ×1.01 [0.98, 1.04] of the
              baseline
      ✓ pass  block-4k · io_uring · p50: ×1.00 [0.97, 1.03] of the baseline
      ✓ pass  block-4k · io_uring · p99: ×1.31 [1.27, 1.35] of the baseline
      ✓ pass  block-4k · io_uring · allocations/request: ×1.00 [0.98, 1.03] of the
              baseline

    Lost captures
      ebpf: wake-ups, system calls, descriptors by kind: BPF_PROG_LOAD: operation
            not permitted (EPERM)
          do  sudo setcap cap_bpf,cap_perfmon+ep .cache/bin/netprobe

    ? io_uring: unmeasurable
      No regression was shown, but wake-up p99 could not be measured without eBPF.
      compared 12 of 12 gated metrics · degraded: captures were lost · quick: a
      look, not a measurement · uncommitted changes · exit code 6 · took 3 min 24 s
    "
  `);
});

test('an interrupted run says why', () => {
  const text = renderConsole(interruptedReport(), plain);
  expect(text).toContain('nothing to compare: no round was finished');
  expect(text).toContain('Interrupted in round 1 of 10 of block-4k.');
});

test('a finding is printed with both views and the remedy', () => {
  expect(renderConsole(leakReport(), plain)).toMatch(
    /fd-leak confirmed in leaky[\s\S]*kernel {2}12,000 sockets[\s\S]*proc {4}240 more[\s\S]*do {6}close/,
  );
});

test.each([
  ['complete', sampleReport()],
  ['six variants', sampleReport({ ...defaults, variants: ['a', 'b', 'c', 'd', 'e', 'f'] })],
  ['one variant', sampleReport({ ...defaults, variants: ['only'], rounds: 1 })],
  ['findings', leakReport()],
])('%s: no line is wider than 80 columns', (_, report) => {
  const wide = renderConsole(report, plain)
    .split('\n')
    .filter((line) => [...line].length > 80);
  expect(wide).toEqual([]);
});

test('colours change nothing but the colours', () => {
  const colored = renderConsole(leakReport(), { color: true, width: 80 });
  expect(colored).not.toBe(renderConsole(leakReport(), plain));
  expect(stripVTControlCharacters(colored)).toBe(renderConsole(leakReport(), plain));
});
