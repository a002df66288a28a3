import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ArmLoad, LoadPhase, LoadReason } from '../capture/load-result.ts';
import { rootDir } from '../lib/paths.ts';
import { type Arm, arms, type GateMode, gateModes } from '../scenario/arm.ts';
import { latencyBlob } from '../test/evidence.ts';
import { type GateUnitEvidence, readGateEvidence } from './gate-evidence.ts';
import { type GateMetric, gateMetrics, gateRounds } from './gate-rounds.ts';

const { units } = await readGateEvidence(join(rootDir, 'harness', 'test', 'recorded-gate'));
const uncounted = structuredClone(units);

/** Three system calls for each request: the run was recorded before they were counted. */
for (const { record, load } of units.flatMap((unit) => unit.rounds)) {
  for (const mode of gateModes) {
    const arms = load.phases.find(({ name }) => name === mode)?.arms;
    for (const [arm, { begin, end }] of Object.entries(record.windows[mode])) {
      const requests = arms?.[arm]?.completed ?? 0;
      Object.assign(begin.proc, { readCalls: 50, writeCalls: 7 });
      Object.assign(end.proc, { readCalls: 50 + 2 * requests, writeCalls: 7 + requests });
    }
  }
}

/** The recorded unit, judged valid throughout, to be changed by a test. */
function recorded(): GateUnitEvidence {
  const unit = structuredClone(units[0]);
  for (const phase of unit?.rounds.flatMap(({ load }) => load.phases) ?? []) {
    phase.paired = { grade: 'valid', reasons: [] };
    for (const arm of Object.values(phase.arms)) {
      arm.validity = { ...arm.validity, absolute: 'valid', reasons: [] };
    }
  }
  return unit as GateUnitEvidence;
}

function phase(unit: GateUnitEvidence, mode: GateMode, round = 1): LoadPhase {
  return unit.rounds[round - 1]?.load.phases.find(({ name }) => name === mode) as LoadPhase;
}

function armOf(unit: GateUnitEvidence, mode: GateMode, arm: Arm): ArmLoad {
  return phase(unit, mode).arms[arm] as ArmLoad;
}

/** Which metrics have no value in round 1, by window. */
function missing(unit: GateUnitEvidence): Record<GateMode, GateMetric[]> {
  const values = gateRounds(unit);
  const of = (mode: GateMode) => gateMetrics.filter((m) => values[m].rounds[mode][0] === null);
  return { mixed: of('mixed'), sliced: of('sliced') };
}

function unpair(of: LoadPhase, rule: string): void {
  const reason: LoadReason = {
    ...{ rule, grade: 'invalid', cause: 'generator', seen: 2, limit: 1, unit: 'ns', text: '' },
  };
  of.paired = { grade: 'invalid', reasons: [reason] };
}

test('values of every program, window and round as the generator and the servers counted', () => {
  const unit = recorded();
  const values = gateRounds(unit);
  for (const metric of gateMetrics) {
    for (const mode of gateModes) {
      expect(values[metric].rounds[mode]).toHaveLength(2);
    }
  }
  for (const mode of gateModes) {
    for (const arm of arms) {
      const { latencyNs } = armOf(unit, mode, arm);
      const read = (metric: GateMetric) => values[metric].rounds[mode][0]?.[arm] ?? 0;
      const off = (metric: GateMetric, told: number | null) =>
        Math.abs(read(metric) / (told ?? 0) - 1);
      // A histogram has three digits, and the generator may take the next rank, which in the tail
      // of 2,000 requests is some percent away.
      expect(off('latency-p50', latencyNs.p50)).toBeLessThan(0.005);
      expect(off('latency-p99', latencyNs.p99)).toBeLessThan(0.05);
    }
  }
  expect(values['cpu-per-request'].exceedances).toBeUndefined();
  expect(values['cpu-per-request'].offset).toBeUndefined();
  expect(values['allocations-per-request'].offset).toBe(1);
});

test('what is counted: sliced is its window, mixed both windows together', () => {
  const unit = recorded();
  const round = unit.rounds[0];
  const spent = (mode: GateMode) => {
    const { begin, end } = round?.record.windows[mode].head ?? {};
    const cpu = (s: typeof begin) => (s?.fixture?.userCpuNs ?? 0) + (s?.fixture?.systemCpuNs ?? 0);
    return cpu(end) - cpu(begin);
  };
  const requests = (mode: GateMode) => armOf(unit, mode, 'head').completed;
  const values = gateRounds(unit)['cpu-per-request'].rounds;
  expect(values.sliced[0]?.head).toBeCloseTo(spent('sliced') / requests('sliced'), 6);
  const both = (spent('mixed') + spent('sliced')) / (requests('mixed') + requests('sliced'));
  expect(values.mixed[0]?.head).toBeCloseTo(both, 6);
});

test('a program that the generator calls invalid spoils its window for every metric', () => {
  const unit = recorded();
  const { validity } = armOf(unit, 'mixed', 'control');
  validity.absolute = 'invalid';
  // What is counted needs both windows for its mixed value, the sliced one alone for the other.
  expect(missing(unit)).toEqual({ mixed: gateMetrics, sliced: [] });
  validity.absolute = 'suspect';
  expect(missing(unit)).toEqual({ mixed: [], sliced: [] });
  armOf(unit, 'sliced', 'base').validity.absolute = 'invalid';
  const counted = gateMetrics.filter((metric) => !metric.startsWith('latency'));
  expect(missing(unit)).toEqual({ mixed: counted, sliced: gateMetrics });
});

test.for([
  ['unequal-send-lag-p99', ['latency-p99']],
  ['unequal-gap-p99', ['latency-p99']],
  ['unequal-receive-lag-p50', ['latency-p50']],
  ['unequal-loss', gateMetrics],
  ['arm-invalid', gateMetrics],
  ['a-rule-of-tomorrow', gateMetrics],
] as const)('a pair that is invalid for %s', ([rule, spoiled]) => {
  const unit = recorded();
  unpair(phase(unit, 'sliced'), rule);
  expect(missing(unit).sliced).toEqual(spoiled);
});

test('the recorded run has such a round: p99 alone is missing', () => {
  const unit = units[0] as GateUnitEvidence;
  expect(phase(unit, 'sliced', 2).paired.reasons[0]?.rule).toBe('unequal-send-lag-p99');
  const values = gateRounds(unit);
  const none = gateMetrics.filter((metric) => values[metric].rounds.sliced[1] === null);
  expect(none).toEqual(['latency-p99']);
  expect(values['latency-p99'].exceedances).toEqual({ mixed: [19, 19], sliced: [19, 0] });
});

test.for([
  ['no grade', { grade: null, reasons: [] }],
  ['invalid, and no reason', { grade: 'invalid', reasons: [] }],
] as const)('a pair with %s is none', ([, { grade }]) => {
  const unit = recorded();
  phase(unit, 'mixed').paired = { grade, reasons: [] };
  expect(missing(unit).mixed).toEqual(gateMetrics);
});

test('samples beyond p99 are those of the program with fewest', () => {
  const unit = recorded();
  const arm = armOf(unit, 'mixed', 'head');
  arm.completed = 1_050;
  arm.latencyHistogram = latencyBlob(1_050, 80_000, 200_000);
  // The 1,040th of 1,050 is p99: 10 lie beyond.
  expect(gateRounds(unit)['latency-p99'].exceedances?.mixed[0]).toBe(10);
});

test('no requests, a histogram of others, counters that stood still: no value', () => {
  const idle = recorded();
  armOf(idle, 'sliced', 'head').completed = 0;
  expect(missing(idle).sliced).toEqual(gateMetrics);

  const foreign = recorded();
  armOf(foreign, 'sliced', 'head').latencyHistogram = latencyBlob(7, 80_000, 200_000);
  expect(missing(foreign).sliced).toEqual(['latency-p50', 'latency-p99']);

  const still = recorded();
  const edge = still.rounds[0]?.record.windows.sliced.head;
  Object.assign(edge ?? {}, { end: edge?.begin });
  expect(missing(still).sliced).toEqual(gateMetrics.slice(2));
});

test('a server of the user’s that tells nothing of itself: CPU time of /proc, no allocations', () => {
  const unit = recorded();
  for (const { record } of unit.rounds) {
    for (const edge of gateModes.flatMap((mode) => Object.values(record.windows[mode]))) {
      edge.begin.fixture = null;
      edge.end.fixture = null;
    }
  }
  expect(missing(unit).sliced).toEqual(['allocations-per-request']);
});

test('system calls: of both windows and of the sliced one, and none of a run that did not count', () => {
  const { rounds } = gateRounds(recorded())['io-calls-per-request'];
  for (const mode of gateModes) {
    for (const arm of arms) {
      expect(rounds[mode][0]?.[arm]).toBeCloseTo(3, 9);
    }
  }
  const old = gateRounds(uncounted[0] as GateUnitEvidence)['io-calls-per-request'];
  expect(old.rounds).toEqual({ mixed: [null, null], sliced: [null, null] });
});

test('a unit without rounds has no values', () => {
  const { plan } = recorded();
  const values = gateRounds({ plan, rounds: [] });
  expect(values['latency-p99']).toEqual({
    rounds: { mixed: [], sliced: [] },
    exceedances: { mixed: [], sliced: [] },
  });
});
