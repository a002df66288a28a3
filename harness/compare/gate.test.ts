/**
 * The mutation table of the gate: every way in which data can be dead, foreign or mixed up must
 * turn it from green to the right colour (facts/gating.md, section 5, point 5).
 */
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { agreementsOf } from '../analyze/agree.ts';
import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { checkGenerator } from '../analyze/generator.ts';
import { measureScenario } from '../analyze/measure.ts';
import type { Measurement } from '../analyze/measurement.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import type { ExitCode } from '../lib/errors.ts';
import type { RunRecord } from '../run/run-record.ts';
import type { Scenario } from '../scenario/scenario.ts';
import {
  type EvidenceOptions,
  hdrBlob,
  judgeLost,
  latencyBlob,
  lostEbpf,
  machine,
  makeEvidence,
  makeRecord,
  makeRuns,
  makeScenario,
  probeOf,
  steady,
  unobservedArm,
} from '../test/evidence.ts';
import type { Baseline } from './baseline.ts';
import { conclude } from './conclude.ts';
import { judge } from './judge.ts';
import { makeBaseline } from './make-baseline.ts';
import type { Outcome } from './verdict.ts';

interface Run {
  record: RunRecord;
  evidence: ScenarioEvidence;
  baseline: Baseline | null;
  measurements?: Measurement[];
}

/** What the pipeline does between the captures and the report. */
function gate({ record, evidence, baseline, measurements }: Run) {
  const verdicts = judge({
    record,
    evidence,
    baseline,
    measurements: measurements ?? measure(evidence),
    generator: checkGenerator(evidence),
    findings: diagnose(evidence),
    agreements: agreementsOf(evidence),
  });
  const conclusion = conclude(
    record,
    [{ id: evidence.plan.id, verdicts, comparisons: [] }],
    record.lost,
  );
  return { ...conclusion, verdicts };
}

const unchanged = makeEvidence();
const unchangedMeasurements = measureScenario(unchanged);

/** Most rows leave the evidence as it is; its 20 bootstraps are the dear part. */
function measure(evidence: ScenarioEvidence): Measurement[] {
  return isDeepStrictEqual(evidence, unchanged) ? unchangedMeasurements : measureScenario(evidence);
}

/** Baseline of three runs. */
function baselineOf(options: EvidenceOptions = {}): Baseline {
  const runs = makeRuns(3, options);
  const records = runs.map((_, index) => makeRecord({ runId: `run-${index}` }));
  return makeBaseline(records, runs);
}

const baseline = baselineOf();
const clean = (): Run => ({
  record: makeRecord(),
  evidence: structuredClone(unchanged),
  baseline: structuredClone(baseline),
});

test('unchanged data is green, and all of it was compared', () => {
  const { outcome, exitCode, compared, gated, headline, verdicts } = gate(clean());
  expect(verdicts.filter((verdict) => verdict.outcome !== 'pass')).toEqual([]);
  expect({ outcome, exitCode, compared, gated }).toEqual({
    outcome: 'pass',
    exitCode: 0,
    compared: 14,
    gated: 14,
  });
  expect(headline).toBe('Every gated metric passes.');
});

test('3 further runs of the unchanged program are never red', () => {
  const codes = Array.from({ length: 3 }, (_, index) => {
    const evidence = makeEvidence({ seed: String(5_000 + index) });
    return gate({ ...clean(), evidence }).exitCode;
  });
  expect(codes).toEqual(new Array(3).fill(0));
});

test('a generator that lagged, in one variant only: it is shown, and no verdict hangs on it', () => {
  const run = clean();
  for (const { load } of run.evidence.rounds) {
    const phase = load.phases[0];
    const arm = phase?.arms['epoll'];
    const reason = {
      ...{ rule: 'send-lag', grade: 'suspect' as const, cause: 'generator' as const },
      ...{ seen: 61_000, limit: 50_000, unit: 'ns', text: 'send lag p99 61 µs is over 50 µs' },
    };
    if (phase !== undefined && arm !== undefined) {
      arm.validity = { ...arm.validity, absolute: 'suspect', reasons: [reason] };
      phase.paired = { grade: 'invalid', reasons: [{ ...reason, grade: 'invalid' }] };
    }
  }
  expect(gate(run)).toMatchObject({ outcome: 'pass', exitCode: 0, compared: 14 });
});

test('a capture that --require names and that got lost costs exit code 5', () => {
  const run = clean();
  run.record.required = ['pprof'];
  run.record.lost = [{ capability: 'pprof', what: 'profiles', reason: '404', remedy: 'x' }];
  const { exitCode, headline } = gate(run);
  expect(exitCode).toBe(5);
  expect(headline).toMatch(/^--require pprof: lost profiles\./);
});

type Row = [
  what: string,
  change: (run: Run) => void,
  outcome: Outcome | 'interrupted' | 'infra-error',
  exitCode: ExitCode,
  found: RegExp,
];

const slower = (factor: number): EvidenceOptions['numbers'] => ({
  epoll: {
    p50Ns: steady.p50Ns * factor,
    p99Ns: steady.p99Ns * factor,
    cpuNs: steady.cpuNs * factor,
  },
});
const withNumbers = (numbers: EvidenceOptions['numbers']) => (run: Run) => {
  run.evidence = makeEvidence({ ...(numbers ? { numbers } : {}) });
};
/** Gates are no part of the design, so that the baseline stays the one it is. */
const withGates =
  (gates: Scenario['gates'], numbers: EvidenceOptions['numbers'] = {}) =>
  (run: Run) => {
    run.evidence = makeEvidence({ scenario: makeScenario({ gates }), numbers });
  };
const eachArm = (run: Run, change: (arm: ReturnType<typeof unobservedArm>) => void) => {
  for (const round of run.evidence.plan.rounds) {
    change(unobservedArm(run.evidence, round.round, 'epoll'));
  }
};

const rows: Row[] = [
  // Dead data.
  [
    'the server hung: few failures, many requests never sent',
    (run) => {
      const arm = unobservedArm(run.evidence, 3, 'epoll');
      arm.unsent = Math.ceil(arm.scheduled / 2);
      judgeLost(arm, '50 % of the requests have no good reply (10,000 found no free connection)');
    },
    'invalid',
    3,
    /round 3: 50 % of the requests have no good reply/,
  ],
  [
    'the server counted other requests than the generator',
    (run) => {
      const edges = run.evidence.rounds[0]?.record.windows.unobserved['epoll'];
      if (edges?.end.fixture) {
        edges.end.fixture.requests += 100;
      }
    },
    'invalid',
    3,
    /requests in the unobserved windows: load generator .*, server counter /,
  ],
  [
    'a metric is missing altogether',
    (run) => {
      const all = unchangedMeasurements;
      run.measurements = all.filter(({ metric }) => metric !== 'latency-p50');
    },
    'invalid',
    3,
    /0 of 8 rounds have a value/,
  ],
  [
    'the histogram of one round is empty',
    (run) => (unobservedArm(run.evidence, 4, 'epoll').latencyHistogram = hdrBlob([])),
    'invalid',
    3,
    /7 of 8 rounds have a value/,
  ],
  [
    'every histogram is empty',
    (run) => eachArm(run, (arm) => (arm.latencyHistogram = hdrBlob([]))),
    'invalid',
    3,
    /0 of 8 rounds have a value/,
  ],
  [
    'values are NaN',
    (run) => {
      const nan = { center: Number.NaN, lo: Number.NaN, hi: Number.NaN, confidence: 0.95, n: 8 };
      run.measurements = unchangedMeasurements.map((measurement) => ({
        ...measurement,
        values: measurement.values.map(() => Number.NaN),
        summary: nan,
      }));
    },
    'invalid',
    3,
    /0 of 8 rounds have a value/,
  ],
  [
    'a counter is NaN',
    (run) => {
      const edges = run.evidence.rounds[0]?.record.windows.unobserved['epoll'];
      if (edges?.end.fixture) {
        edges.end.fixture.heapAllocObjects = Number.NaN;
      }
    },
    'invalid',
    3,
    /7 of 8 rounds have a value/,
  ],
  [
    'every request failed',
    (run) =>
      eachArm(run, (arm) => {
        arm.errors.reset = arm.scheduled;
        arm.completed = 0;
        arm.latencyHistogram = hdrBlob([]);
        judgeLost(arm, 'none of 20,000 requests completed');
      }),
    'invalid',
    3,
    /round 1: none of 20,000 requests completed/,
  ],
  [
    'every request answered 500, and fast',
    (run) =>
      eachArm(run, (arm) => {
        arm.errors.status = arm.scheduled;
        judgeLost(arm, '100 % of the requests have no good reply (20,000 failed)');
      }),
    'invalid',
    3,
    /100 % of the requests have no good reply/,
  ],
  [
    'one round of the plan is not there',
    (run) => run.evidence.rounds.splice(2, 1),
    'invalid',
    3,
    /7 of 8 rounds have a value/,
  ],
  ['no round is there', (run) => (run.evidence.rounds = []), 'invalid', 3, /0 of 8 rounds/],
  ['nothing is gated', withGates({}), 'invalid', 3, /^$/],

  // Nothing to compare with.
  ['there is no baseline', (run) => (run.baseline = null), 'incomparable', 6, /no baseline/],
  [
    'the baseline is of another machine',
    (run) => {
      run.record = makeRecord({ fingerprint: { ...machine, cores: 4, kernel: '6.1.0' } });
    },
    'incomparable',
    6,
    /another machine \(cores, kernel\)/,
  ],
  [
    'the machine is not known',
    (run) => {
      const unknown = { ...machine, cpuModel: 'unknown' };
      run.record = makeRecord({ fingerprint: unknown });
      run.baseline = { ...baseline, fingerprint: unknown };
    },
    'incomparable',
    6,
    /another machine \(cpuModel\)/,
  ],
  [
    'the scenario has changed since the baseline',
    (run) => {
      if (run.evidence.plan.scenario.load.protocol === 'http1') {
        run.evidence.plan.scenario.load.ratePerSec = 4_000;
      }
    },
    'incomparable',
    6,
    /scenario has changed/,
  ],
  [
    'the baseline lacks the metric',
    (run) => delete run.baseline?.metrics['epoll/reads-per-request'],
    'incomparable',
    6,
    /does not have this metric/,
  ],
  [
    'the metric was renamed',
    (run) => {
      const old = run.baseline?.metrics['epoll/reads-per-request'];
      if (run.baseline && old) {
        delete run.baseline.metrics['epoll/reads-per-request'];
        run.baseline.metrics['epoll/reads-of-a-request'] = old;
      }
    },
    'incomparable',
    6,
    /does not have this metric, but reads-of-a-request: renamed\?/,
  ],
  [
    'the variants of the baseline have other names',
    (run) => {
      if (run.baseline) {
        const entries = Object.entries(run.baseline.metrics);
        run.baseline.metrics = Object.fromEntries(
          entries.map(([key, values]) => [`old-${key}`, values]),
        );
      }
    },
    'incomparable',
    6,
    /no variant epoll, but old-epoll, old-io_uring: renamed, or swapped\?/,
  ],
  [
    'the baseline is of another scenario',
    (run) => (run.baseline = { ...baseline, scenario: 'block-4k' }),
    'incomparable',
    6,
    /the baseline is of io_uring\/block-4k, not of io_uring\/hello-http/,
  ],
  [
    'the baseline is of another suite',
    (run) => (run.baseline = { ...baseline, suite: 'fd_leak' }),
    'incomparable',
    6,
    /the baseline is of fd_leak\/hello-http/,
  ],
  [
    'both variants are 2.3 times slower on another machine: their ratio is the old one, and acquits nothing',
    (run) => {
      const both = { ...slower(2.3), io_uring: slower(2.3)?.['epoll'] ?? {} };
      run.evidence = makeEvidence({ numbers: both });
      run.record = makeRecord({ fingerprint: { ...machine, cores: 4 } });
    },
    'incomparable',
    6,
    /another machine \(cores\)/,
  ],
  [
    'the baseline is of another Go, for counts too',
    (run) => {
      run.record = makeRecord({ fingerprint: { ...machine, goVersion: 'go1.27.0' } });
    },
    'incomparable',
    6,
    /another toolchain \(go1\.26\.8 amd64, here go1\.27\.0 amd64\)/,
  ],
  [
    'the baseline is one run',
    (run) => (run.baseline = makeBaseline([makeRecord()], makeRuns(1))),
    'inconclusive',
    6,
    /spread between runs is not known/,
  ],
  [
    'the baseline holds times of zero',
    (run) => {
      if (run.baseline) {
        run.baseline.metrics['epoll/latency-p50'] = [0, 0, 0];
      }
    },
    'incomparable',
    6,
    /no time above zero/,
  ],

  // Too little to decide on.
  [
    'a --quick run',
    (run) => {
      run.record = makeRecord({ quick: true });
      run.evidence = makeEvidence({ quick: true });
    },
    'inconclusive',
    6,
    /--quick/,
  ],
  [
    'one round',
    (run) => {
      const rounds = { count: 1, warmupMs: 800, unobservedMs: 5000, observedMs: 2000 };
      run.evidence = makeEvidence({ scenario: makeScenario({ rounds }) });
    },
    'inconclusive',
    6,
    /spread between runs is not known|µs/,
  ],
  [
    'too few requests beyond p99',
    withNumbers({ epoll: { requests: 1_200 } }),
    'unmeasurable',
    6,
    /^96 requests beyond p99, 100 needed/,
  ],
  [
    'eBPF was lost',
    (run) => {
      run.record = makeRecord({ lost: [lostEbpf] });
      for (const round of run.evidence.rounds) {
        round.netprobe = null;
      }
    },
    'unmeasurable',
    6,
    /operation not permitted/,
  ],
  [
    'eBPF was lost in one round',
    (run) => {
      const round = run.evidence.rounds[5];
      if (round) {
        round.netprobe = null;
        round.record.missing = { 'netprobe.json': 'netprobe said nothing for 5000 ms' };
      }
    },
    'unmeasurable',
    6,
    /7 of 8 rounds have a value: netprobe said nothing/,
  ],

  [
    'events of the descriptor balance were lost',
    (run) => {
      withGates({ 'leaked-descriptors-per-1000': { maxCount: 1 } })(run);
      probeOf(run.evidence, 2, 'epoll').lost = { fdMapFull: 3 };
    },
    'invalid',
    3,
    /^round 2: 3 events lost \(fdMapFull\)/,
  ],
  [
    'wake-ups were lost',
    (run) => {
      withGates({ 'wakeup-p99': { maxNs: 1_000_000 } })(run);
      probeOf(run.evidence, 1, 'epoll').lost = { wakeupMapFull: 1 };
    },
    'invalid',
    3,
    /1 events lost/,
  ],

  // Mixed up or foreign data.
  [
    'the netpoller is not the one that was asked for',
    (run) => {
      const target = probeOf(run.evidence, 3, 'io_uring');
      target.syscalls = { ...target.syscalls, io_uring_enter: 0, epoll_pwait: 9_000 };
    },
    'invalid',
    3,
    /netpoller io_uring is not proved/,
  ],
  [
    'the arms are swapped and one is 2.3 times slower',
    (run) => {
      // As after a rename of the variants: the slow one of the baseline is now called epoll.
      withNumbers(slower(2.3))(run);
      for (const [key, values] of Object.entries(run.baseline?.metrics ?? {})) {
        if (run.baseline && /^io_uring\/(latency|cpu)/.test(key)) {
          run.baseline.metrics[key] = values.map((value) => value * 2.3);
        }
      }
    },
    'regressed',
    1,
    /×2\.[234]/,
  ],
  [
    'the arms are swapped with their probes',
    (run) => {
      for (const { load, netprobe, record } of run.evidence.rounds) {
        const maps = [...load.phases.map(({ arms }) => arms), netprobe?.targets];
        for (const map of [...maps, record.windows.observed] as Record<string, unknown>[]) {
          [map['epoll'], map['io_uring']] = [map['io_uring'], map['epoll']];
        }
      }
    },
    'invalid',
    3,
    /is not proved/,
  ],
  [
    'latencies 1,000 times too large: µs taken for ns',
    withNumbers({ epoll: { p50Ns: steady.p50Ns * 1_000, p99Ns: steady.p99Ns * 1_000 } }),
    'regressed',
    1,
    /×1,0?[0-9]+|×9[0-9]{2}/,
  ],
  [
    'latencies 1,000 times too small: ns taken for µs',
    withNumbers({ epoll: { p50Ns: steady.p50Ns / 1_000, p99Ns: steady.p99Ns / 1_000 } }),
    'incomparable',
    6,
    /too good to be true/,
  ],
  [
    'the server does 3 % of its work',
    withNumbers({ epoll: { p50Ns: 1_800, p99Ns: 5_600, cpuNs: 630 } }),
    'incomparable',
    6,
    /too good to be true/,
  ],

  // True regressions.
  ['2.3 times slower', withNumbers(slower(2.3)), 'regressed', 1, /×2\.3/],
  ['CPU 1.5 times', withNumbers({ epoll: { cpuNs: 31_500 } }), 'regressed', 1, /×1\.5/],
  [
    'one more allocation per request',
    withNumbers({ epoll: { allocations: 19 } }),
    'regressed',
    1,
    /19\.0, baseline 18\.0/,
  ],
  ['twice the reads', withNumbers({ epoll: { reads: 2 } }), 'regressed', 1, /2\.00, baseline 1/],
  [
    'over the budget, at home in its baseline',
    withGates({ 'latency-p50': { maxNs: 50_000, regressionLimitPercent: 25 } }),
    'over-budget',
    1,
    /61\.\d µs/,
  ],

  // The run itself.
  [
    'the run was interrupted',
    (run) => (run.record = makeRecord({ status: 'interrupted', failureExit: 130 })),
    'interrupted',
    130,
    /^/,
  ],
  [
    'the run is still running, or was killed',
    (run) => (run.record = makeRecord({ status: 'running' })),
    'interrupted',
    130,
    /^/,
  ],
  [
    'the run failed',
    (run) => (run.record = makeRecord({ status: 'failed', failure: 'boom', failureExit: 4 })),
    'infra-error',
    4,
    /^/,
  ],
];

test.for(rows)('%s', ([, change, outcome, exitCode, found]) => {
  const run = clean();
  change(run);
  const result = gate(run);
  expect({ outcome: result.outcome, exitCode: result.exitCode }).toEqual({ outcome, exitCode });
  expect(result.exitCode).not.toBe(0);
  const named = result.verdicts.filter((verdict) => verdict.outcome === outcome);
  expect(named.map((verdict) => verdict.found).join('\n')).toMatch(found);
  for (const verdict of named) {
    expect(verdict.advice).not.toBe('');
  }
});

test('on another machine exact counts are still compared', () => {
  const record = makeRecord({ fingerprint: { ...machine, cores: 4 } });
  const { verdicts } = gate({ ...clean(), record });
  const outcomes = new Map(
    verdicts
      .filter(({ kind, variant }) => kind === 'regression' && variant === 'epoll')
      .map(({ subject, outcome }) => [subject, outcome]),
  );
  expect(Object.fromEntries(outcomes)).toEqual({
    'latency-p50': 'incomparable',
    'latency-p99': 'incomparable',
    'cpu-per-request': 'incomparable',
    'allocations-per-request': 'pass',
    'reads-per-request': 'pass',
  });
});

test('a count that grew is red on another machine too', () => {
  const record = makeRecord({ fingerprint: { ...machine, cores: 4 } });
  const evidence = makeEvidence({ numbers: { epoll: { allocations: 20 } } });
  expect(gate({ ...clean(), record, evidence })).toMatchObject({
    outcome: 'regressed',
    exitCode: 1,
  });
});

test('every verdict names the comparison that it stands on, and what mends it where there is none', () => {
  const record = makeRecord({ fingerprint: { ...machine, cores: 4 } });
  const verdicts = (run: Run) => gate(run).verdicts.filter(({ kind }) => kind === 'regression');
  const names = (run: Run) => [...new Set(verdicts(run).map(({ basis }) => basis))];
  expect(names(clean())).toEqual(['absolute', 'exact-count']);
  expect(names({ ...clean(), record })).toEqual([undefined, 'exact-count']);
  for (const { basis, advice } of verdicts({ ...clean(), record })) {
    expect(advice).toMatch(
      basis === undefined ? /^npm run gate -- --base baseline io_uring/ : /^$/,
    );
  }
  expect(gate(clean()).verdicts.every(({ kind, basis }) => kind !== 'budget' || !basis)).toBe(true);
});

test.for<[factor: number, words: RegExp]>([
  [1_000, /about 1,000 times as much, units\?/],
  [1e-3, /about 1,000 times less, units\?: too good/],
  [1e-6, /about 1,000,000 times less, units\?/],
])('a latency %d times the baseline’s asks for its unit', ([factor, words]) => {
  const run = clean();
  if (run.baseline) {
    run.baseline.metrics['epoll/latency-p50'] = [1, 1, 1].map(() => steady.p50Ns / factor);
  }
  const verdict = gate(run).verdicts.find(
    ({ variant, subject, kind }) =>
      variant === 'epoll' && subject === 'latency-p50' && kind === 'regression',
  );
  expect(verdict?.found).toMatch(words);
  expect(verdict?.advice).toMatch(/unit/);
  expect(['regressed', 'incomparable']).toContain(verdict?.outcome);
});

test('a latency 100 times the baseline’s is a regression like any other', () => {
  const run = clean();
  if (run.baseline) {
    run.baseline.metrics['epoll/latency-p50'] = [1, 1, 1].map(() => steady.p50Ns / 100);
  }
  const found = gate(run).verdicts.filter(({ outcome }) => outcome === 'regressed');
  expect(found.map((verdict) => verdict.found).join()).not.toContain('units?');
  expect(found).toHaveLength(1);
});

test('the other variant keeps its own verdicts', () => {
  const run = clean();
  unobservedArm(run.evidence, 1, 'epoll').latencyHistogram = latencyBlob(0, 0, 0);
  const { verdicts } = gate(run);
  const own = verdicts.filter(({ variant }) => variant === 'io_uring');
  expect(own.every(({ outcome }) => outcome === 'pass')).toBe(true);
});

const expectation = makeScenario({
  variants: {
    correct: { fixture: 'fd-leak', netpoller: 'epoll' },
    leaky: { fixture: 'fd-leak', netpoller: 'epoll' },
  },
  reference: 'correct',
  gates: {},
  expect: { correct: [], leaky: ['fd-leak'] },
});
const leak = { socket: 200, file: 200 };

test.for<[what: string, numbers: NonNullable<EvidenceOptions['numbers']>, Outcome, ExitCode]>([
  ['found where it is expected and nowhere else', { leaky: { leaked: leak } }, 'pass', 0],
  ['missing', {}, 'expectation-broken', 1],
  ['extra', { leaky: { leaked: leak }, correct: { leaked: leak } }, 'expectation-broken', 1],
  ['in the wrong variant', { correct: { leaked: leak } }, 'expectation-broken', 1],
  ['seen by one view alone', { leaky: { leaked: leak, procLeaked: {} } }, 'unmeasurable', 6],
])('an expected finding, %s', ([, numbers, outcome, exitCode]) => {
  const evidence = makeEvidence({ scenario: expectation, numbers });
  const result = gate({ record: makeRecord(), evidence, baseline: null });
  expect(result).toMatchObject({ outcome, exitCode, gated: 2 });
});

test('an expectation of a server whose requests fail is invalid, found or not', () => {
  const evidence = makeEvidence({ scenario: expectation, numbers: { leaky: { leaked: leak } } });
  judgeLost(unobservedArm(evidence, 2, 'leaky'), '45 % of the requests have no good reply');
  const result = gate({ record: makeRecord(), evidence, baseline: null });
  expect(result).toMatchObject({ outcome: 'invalid', exitCode: 3 });
});

test('an expectation without eBPF decides nothing', () => {
  const evidence = makeEvidence({ scenario: expectation, numbers: { leaky: { leaked: leak } } });
  for (const round of evidence.rounds) {
    round.netprobe = null;
  }
  const record = makeRecord({ lost: [lostEbpf] });
  expect(gate({ record, evidence, baseline: null })).toMatchObject({
    outcome: 'unmeasurable',
    exitCode: 6,
  });
});
