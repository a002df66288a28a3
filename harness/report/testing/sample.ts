import type { Interval, Measurement } from '../../analyze/measurement.ts';
import type { Comparison } from '../../compare/comparison.ts';
import type { Verdict } from '../../compare/verdict.ts';
import { type MetricId, metrics } from '../../scenario/metric.ts';
import { randomIntegers, seedFromName } from '../../stats/random.ts';
import type { Report, ScenarioReport } from '../report.ts';
import {
  agreements,
  closedLoop,
  curves,
  descriptors,
  distributions,
  flames,
  generator,
  observerCost,
  paired,
  profiles,
  servers,
  traces,
} from './sample-evidence.ts';

/** Invented figures in the shape of a real run: for tests of renderers only, never evidence. */

export interface SampleOptions {
  variants: string[];
  rounds: number;
  /** Whether eBPF and pprof were there. */
  observed: boolean;
}

export const defaults: SampleOptions = {
  variants: ['epoll', 'io_uring'],
  rounds: 10,
  observed: true,
};

const centers: [MetricId, number, number][] = [
  ['latency-p50', 61_200, 1.31],
  ['latency-p99', 187_000, 1.22],
  ['cpu-per-request', 21_400, 1.44],
  ['context-switches-per-request', 0.412, 1.02],
  ['allocations-per-request', 18, 1],
  ['reads-per-request', 2.01, 1],
  ['writes-per-request', 1, 1],
  ['polls-per-request', 0.87, 1.6],
  ['leaked-descriptors-per-1000', 0, 1],
  ['wakeup-p99', 24_300, 1.1],
];

/** A number in [-1, 1) that depends on nothing but its name. */
function jitter(name: string): number {
  return randomIntegers(seedFromName(name))(20_000) / 10_000 - 1;
}

function interval(center: number, spread: number, n: number): Interval {
  return n < 2
    ? { center, lo: null, hi: null, confidence: 0.95, n }
    : { center, lo: center * (1 - spread), hi: center * (1 + spread), confidence: 0.95, n };
}

function measurements(id: string, options: SampleOptions): Measurement[] {
  const { variants, rounds, observed } = options;
  return centers
    .filter(([metric]) => observed || metrics[metric].window !== 'observed')
    .flatMap(([metric, base, factor]) =>
      variants.map((variant, index): Measurement => {
        const center = base * factor ** index;
        const spread = metrics[metric].kind === 'exact' ? 0.0005 : 0.04;
        const values = Array.from({ length: rounds }, (_, round) => {
          const lost = metric === 'wakeup-p99' && round === 3;
          const value = center * (1 + spread * jitter(`${id}/${metric}/${variant}/${round}`));
          return lost ? null : metrics[metric].unit === 'ns' ? Math.round(value) : value;
        });
        return {
          variant,
          metric,
          values,
          samples: rounds * 10_000,
          summary: rounds === 0 ? null : interval(center, spread / 3, rounds),
          source: `${metrics[metric].window} window`,
          warnings: metric === 'wakeup-p99' && rounds > 3 ? ['round 4 lost its probes'] : [],
        };
      }),
    );
}

function comparisons({ variants, rounds, observed }: SampleOptions): Comparison[] {
  const [reference = '', ...others] = variants;
  return others.flatMap((variant, index) =>
    centers
      .filter(([metric]) => observed || metrics[metric].window !== 'observed')
      .map(([metric, base, factor]): Comparison => {
        const center = factor ** (index + 1);
        const ratio = rounds < 2 || base === 0 ? null : interval(center, 0.027, rounds);
        const decided = ratio !== null && Math.abs(Math.log(center)) > 0.027;
        return {
          metric,
          variant,
          reference,
          ratio,
          direction: decided ? (center > 1 ? 'worse' : 'better') : 'undecided',
          warnings:
            metric === 'latency-p99' && rounds < 6
              ? ['fewer than 6 rounds: the interval is wide']
              : [],
        };
      }),
  );
}

function verdicts(id: string, { variants, rounds }: SampleOptions): Verdict[] {
  return variants.flatMap((variant, index) =>
    (['latency-p50', 'latency-p99', 'allocations-per-request'] as const).map(
      (metric, m): Verdict => {
        const bad = id === 'block-4k' && index === 1 && m === 1;
        const center = bad ? 1.31 : 1 + 0.01 * jitter(`${id}/${variant}/${metric}`);
        const ratio = interval(center, 0.027, Math.max(1, rounds));
        const base = centers.find(([name]) => name === metric)?.[1] ?? 1;
        return {
          variant,
          subject: metric,
          kind: 'regression',
          outcome: bad ? 'regressed' : 'pass',
          expected: 'below ×1.10 of the baseline, upper end of the interval',
          found: `×${center.toFixed(2)} [${(center * 0.973).toFixed(2)}, ${(center * 1.027).toFixed(2)}] of the baseline`,
          ratio,
          values: Array.from({ length: rounds }, (_, r) =>
            Math.round(base * center * (1 + 0.02 * jitter(`${id}${r}`))),
          ),
          advice: bad
            ? 'see what changed in “Top functions”; if the slowdown is meant, run npm run baseline -- accept io_uring'
            : '',
        };
      },
    ),
  );
}

/** One scenario; with `rounds: 0` one that was interrupted before its first round ended. */
export function sampleScenario(id: string, options: SampleOptions = defaults): ScenarioReport {
  const { variants, rounds, observed } = options;
  const finished = rounds > 0;
  return {
    id,
    title: id === 'block-4k' ? '4 KB random reads over raw TCP' : 'net/http, keep-alive',
    question: `Does an io_uring netpoller lower the latency of ${id}?`,
    reference: variants[0] ?? 'epoll',
    load: `4,000 requests/s Poisson over ${variants.length} × 64 connections, 100 ms slices`,
    rounds: Math.max(rounds, 10),
    finished: rounds,
    servers: finished ? servers(variants) : [],
    verdicts: finished ? verdicts(id, options) : [],
    comparisons: finished ? comparisons(options) : [],
    measurements: finished ? measurements(id, options) : [],
    curves: finished ? curves(variants) : [],
    distributions: finished && observed ? distributions(variants) : [],
    connections:
      finished && observed
        ? variants.map((variant) => ({
            variant,
            ...{ established: 7, closed: 5, requests: 70, retransmits: 1 },
            ...{ byServer: 1, byClient: 3, byReset: 1, byTimeout: 0 },
            ...{
              resetsSent: 1,
              resetsReceived: 0,
              timeWaits: 1,
              backlogMax: 3,
              backlogLimit: 4096,
            },
          }))
        : [],
    goroutines:
      finished && observed
        ? variants.map((variant) => ({
            variant,
            ...{ births: 41, deaths: 30, live: 77, leakCandidates: 11 },
            waits: [{ reason: 'IO wait', count: 64 }],
            sites: [
              {
                ...{ place: 'main.serve:12', start: 'main.serve.func1' },
                ...{ births: 41, live: 11, candidates: 11 },
              },
            ],
          }))
        : [],
    heatMaps:
      finished && observed
        ? [
            {
              ...{ variant: 'epoll', by: 'loop', subSteps: 4, left: 3 },
              cells: [
                { x: 2_048, wakeupNs: 1_024, count: 900 },
                { x: 65_536, wakeupNs: 524_288, count: 12 },
              ],
            },
          ]
        : [],
    profiles: finished && observed ? profiles(variants) : [],
    ...(finished && observed ? { flames: flames(variants) } : {}),
    traces: finished && observed ? traces(variants) : [],
    descriptors: finished ? descriptors(variants, observed) : [],
    observerCost: finished && observed ? observerCost(variants) : [],
    closedLoop: finished && id === 'hello-http' ? closedLoop(variants) : [],
    generator: finished ? generator(variants, rounds) : [],
    paired: finished ? paired(variants, rounds) : [],
    agreements: finished && observed ? agreements(variants) : [],
    findings: [],
    warnings: observed ? [] : ['No probes: wake-ups, system calls and descriptors were not seen.'],
  };
}

/** A complete run of two scenarios with one regressed metric. */
export function sampleReport(options: SampleOptions = defaults): Report {
  const scenarios = ['block-4k', 'hello-http'].map((id) => sampleScenario(id, options));
  const gated = scenarios.reduce((sum, scenario) => sum + scenario.verdicts.length, 0);
  return {
    schema: 1,
    runId: 'io_uring-20260214T101500Z-7f3a',
    suite: 'io_uring',
    command: 'npm run bench io_uring -- --seed 12345',
    startedAt: '2026-02-14T10:15:00Z',
    durationNs: 204_000_000_000,
    status: 'complete',
    failure: '',
    version: '0.1.0',
    revision: '3f786850e387550fdab836ed7e6dc881de23001b',
    dirty: false,
    quick: false,
    seed: '12345',
    fingerprint: {
      cpuModel: 'Example CPU 9000 @ 3.00GHz',
      cpuFlagsSha256: '9b74c9897bac770ffc029102a200c5de9b74c9897bac770ffc029102a200c5de',
      cores: 4,
      cpuQuota: 'none',
      hypervisor: 'kvm',
      kernel: '6.18.5',
      mitigations: 'spectre_v2: Mitigation: Enhanced IBRS',
      governor: 'performance',
      clocksource: 'tsc',
      goVersion: 'go1.26.8',
      goArch: 'amd64',
      goMaxProcs: 1,
    },
    fitness: [
      { loadAverage1: 0.31, stealRatio: 0.001, calibrationNs: 51_200_000 },
      { loadAverage1: 1.84, stealRatio: 0.004, calibrationNs: 51_900_000 },
    ],
    checks: [
      { id: 'node', title: 'Node', state: 'ok', seen: '24.21.0', lost: [], remedy: '' },
      {
        id: 'btf',
        title: 'Kernel BTF',
        state: 'ok',
        seen: '/sys/kernel/btf/vmlinux',
        lost: [],
        remedy: '',
      },
    ],
    lost: [],
    outcome: 'regressed',
    exitCode: 1,
    degraded: false,
    headline:
      'p99 of block-4k with io_uring is 31 % above its baseline (limit 10 %); everything else is within its limits.',
    compared: gated,
    gated,
    scenarios,
  };
}

/** A run that a user stopped before its first round had ended. */
export function interruptedReport(): Report {
  return {
    ...sampleReport({ ...defaults, rounds: 0 }),
    status: 'interrupted',
    outcome: 'interrupted',
    exitCode: 130,
    failure:
      'Interrupted in round 1 of 10 of block-4k.\nThe captures of that round are incomplete.',
    headline: 'Interrupted before a round was finished: there is nothing to judge.',
    gated: 12,
    compared: 0,
  };
}

/** A run without privileges: no probes, one gated metric unmeasurable. */
export function degradedReport(): Report {
  const report = sampleReport({ ...defaults, rounds: 3, observed: false });
  return {
    ...report,
    degraded: true,
    dirty: true,
    quick: true,
    outcome: 'unmeasurable',
    exitCode: 6,
    headline: 'No regression was shown, but wake-up p99 could not be measured without eBPF.',
    lost: [
      {
        capability: 'ebpf',
        what: 'wake-ups, system calls, descriptors by kind',
        reason: 'BPF_PROG_LOAD: operation not permitted (EPERM)',
        remedy: 'sudo setcap cap_bpf,cap_perfmon+ep .cache/bin/netprobe',
      },
    ],
    scenarios: report.scenarios.map((scenario) => ({
      ...scenario,
      verdicts: [
        ...scenario.verdicts.map((v): Verdict => ({ ...v, outcome: 'pass', advice: '' })),
        {
          variant: 'io_uring',
          subject: 'wakeup-p99',
          kind: 'budget',
          outcome: 'unmeasurable',
          expected: 'at most 50.0 µs',
          found: 'no value: the capture was lost',
          ratio: null,
          values: [null, null, null],
          advice: 'give netprobe its capabilities, see “What could not be captured”',
        },
      ],
    })),
  };
}

/** The fd_leak suite as it should end: the planted leak found and confirmed. */
export function leakReport(): Report {
  const options = { variants: ['correct', 'leaky'], rounds: 4, observed: true };
  const scenario = sampleScenario('fd-leak', options);
  return {
    ...sampleReport(options),
    suite: 'fd_leak',
    outcome: 'pass',
    exitCode: 0,
    headline: 'The planted leak was found in leaky and nothing in correct.',
    compared: 2,
    gated: 2,
    scenarios: [
      {
        ...scenario,
        title: 'An upstream connection and a file per request',
        question: 'Does the server close what it opens?',
        verdicts: options.variants.map((variant) => ({
          variant,
          subject: 'fd-leak',
          kind: 'expectation',
          outcome: 'pass',
          expected: variant === 'leaky' ? 'confirmed' : 'not found',
          found: variant === 'leaky' ? 'confirmed, 10.0 per 1,000 requests' : 'ruled out',
          ratio: null,
          values: [],
          advice: '',
        })),
        findings: options.variants.map((variant) => ({
          cause: 'fd-leak',
          variant,
          state: variant === 'leaky' ? 'confirmed' : 'ruled-out',
          summary:
            variant === 'leaky'
              ? '10.0 descriptors per 1,000 requests are opened and never closed: socket 121, file 119.'
              : 'Everything that was opened in the window was closed.',
          evidence: [
            {
              view: 'kernel',
              source: 'netprobe: open/close balance',
              says:
                variant === 'leaky'
                  ? '12,000 sockets opened, 11,879 closed'
                  : '12,000 sockets opened, 12,000 closed',
            },
            {
              view: 'proc',
              source: '/proc/PID/fd at both edges of the window',
              says: variant === 'leaky' ? '240 more descriptors at the end' : 'no growth',
            },
          ],
          remedy: variant === 'leaky' ? 'close the response body and the file on every path' : '',
        })),
      },
    ],
  };
}
