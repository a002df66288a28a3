import { expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { judgeGoals } from './goals.ts';
import { type Pair, ProbeCost } from './result.ts';
import { renderResult } from './table.ts';
import { pairOf } from './testing/pair.ts';

const ratePerSec = 20_000;
const half = [1.02, 1.05, 1.04, 1.06, 1.03].map((ratio, index) =>
  pairOf({
    pair: index + 1,
    without: { ratePerSec },
    with: {
      ...{ ratePerSec, cpuPerRequestNs: 1_000 * ratio, p99Ns: 190_000 },
      estimatedRatio: ratio - 1.01,
    },
  }),
);
const saturated: Pair = pairOf({
  ...{ load: 'saturated', with: { ratePerSec: 450, grade: 'suspect', errors: 2 } },
});
const measured = [...half, saturated];

const result: ProbeCost = {
  ...{ schema: 1, runId: 'r', command: 'npm run bench:probes -- --seed=7', version: '0.1.0' },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', durationNs: 61e9, status: 'complete', failed: '' },
  ...{ quick: false, seed: '7', connections: 64, windowMs: 1_000 },
  fingerprint: {
    ...{ cpuModel: 'A CPU', cpuFlagsSha256: '', cores: 2, cpuQuota: 'none', hypervisor: 'kvm' },
    ...{ kernel: '6.1', mitigations: '', governor: '', clocksource: 'tsc', goVersion: 'go1.26' },
    ...{ goArch: 'amd64', goMaxProcs: 1 },
  },
  placement: { server: '0', generator: 1 },
  noise: {
    ...{ stealRatio: 0.01, pressureRatio: null, loadAverage1: { before: 0.1, after: 1.25 } },
    spinP99Ns: [2_000, 1_000, 9_000],
  },
  rates: { saturated: 40_000, half: 20_000 },
  watches: [
    { id: 'kernel', kind: 'set', how: 'netpoll, syscalls', missing: '' },
    { id: 'bpftrace-kernel', kind: 'tool', how: 'calls', missing: 'not on PATH' },
    { id: 'wakeup', kind: 'probe', how: 'wake-ups', missing: '' },
  ],
  measured,
  failures: [{ watch: 'wakeup', load: 'half', why: 'no symbol table' }],
  goals: judgeGoals(measured),
};

const lines = (changes: Partial<ProbeCost> = {}) =>
  renderResult({ ...result, ...changes }).split('\n');
const line = (begin: string) => lines().find((each) => each.startsWith(begin));

test('the example is of the schema', () => {
  expect(checkJson(result, ProbeCost, { name: 'the example', remedy: '' })).toBe(result);
});

test('a row: extra share of the median with least and most, and the estimate beside it', () => {
  expect(line('| **set kernel**')).toBe(
    '| **set kernel** | +4.0 % [+2.0, +6.0] | +3.0 % | -5.0 % [-5.0, -5.0] | -10.0 % [-10.0, -10.0] | 0.0 % [0.0, 0.0] | – | 5 + 1 | netpoll, syscalls |',
  );
  expect(line('| *unwatched*')).toBe(
    '| *unwatched* | 1.00 µs |  | 200 µs | 500/s | 1.00 µs |  |  | medians of all windows without anything |',
  );
});

test('a server that falls behind at half load is said to be overloaded', () => {
  const row = (ratePerSec: number) =>
    lines({ measured: [pairOf({ with: { ratePerSec } })] }).find((each) =>
      each.startsWith('| **set kernel**'),
    );
  expect(row(19_700)).not.toContain('(overloaded)');
  expect(row(19_500)).toContain('| 0.0 % [0.0, 0.0] (overloaded) |');
});

test('what is missing or has failed is said, once', () => {
  expect(line('| bpftrace-kernel')).toBe(
    '| bpftrace-kernel | – | – | – | – | – | – | – | not available: not on PATH |',
  );
  expect(line('| wakeup')).toBe('| wakeup | – | – | – | – | – | – | 0 + 0 | wake-ups |');
  expect(lines()).toContain('- wakeup, at half load: no symbol table');
});

test('goals: limit, bounds, outcome', () => {
  expect(line('| kernel, at half load')).toBe(
    '| kernel, at half load | ≤ 3 % | +2.0 to +6.0 % | not decided |',
  );
  expect(lines({ goals: [] }).join('\n')).not.toContain('## Goals');
});

test('the top: how it ended, the loads, what is doubtful, the noise', () => {
  const top = lines({ status: 'failed', failed: 'no server', quick: true }).join('\n');
  expect(top).toContain('1 min 1 s, failed (no server); medians of');
  expect(top).toContain('1.00 s a window; a look, no result.');
  expect(top).toContain(
    'half load: 20.0 k/s in open loop, which keeps the unwatched server’s CPUs busy for 2.00 % of the time.',
  );
  expect(top).toContain('Of 12 windows the generator calls 1 not valid; 2 requests failed.');
  expect(top).toContain('Noise, the benchmark’s own load included: 1.00 % of the CPU time stolen');
  expect(lines({ rates: null }).join('\n')).toContain('The rate of saturation was not found.');
});
