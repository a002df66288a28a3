import { expect, test } from 'vitest';
import type { Interval } from '../analyze/measurement.ts';
import type { MetricId } from '../scenario/metric.ts';
import { makeEvidence, makeRecord } from '../test/evidence.ts';
import type { Baseline } from './baseline.ts';
import { designSha256 } from './design.ts';
import type { Gated, JudgeInput } from './gated.ts';
import { judgeRegression } from './judge-regression.ts';

const evidence = makeEvidence();
const record = makeRecord();

type Bounds = [lo: number | null, center: number, hi: number | null];

function judge(
  metric: MetricId,
  bounds: Bounds,
  base: number[],
  limitPercent: number,
  suspicion: string | null = null,
) {
  const [lo, center, hi] = bounds;
  const summary: Interval = { center, lo, hi, confidence: 0.95, n: 8 };
  const gated: Gated = {
    variant: 'epoll',
    metric,
    values: [center],
    summary,
    ...{ unfit: null, suspicion },
  };
  const baseline: Baseline = {
    schema: 1,
    suite: 'io_uring',
    scenario: 'hello-http',
    designSha256: designSha256(evidence.plan),
    revision: record.revision,
    fingerprint: record.fingerprint,
    runs: base.map((_, index) => `run-${index}`),
    metrics: { [`epoll/${metric}`]: base },
    ratios: {},
    histograms: {},
  };
  const input: JudgeInput = {
    ...{ record, evidence, baseline },
    ...{ measurements: [], generator: [], findings: [], agreements: [] },
  };
  return judgeRegression(input, gated, limitPercent);
}

// Five runs within 1 %: the interval of a new run is about ±2.2 %.
const steady = [990, 995, 1_000, 1_005, 1_010];

test.for([
  [[995, 1_000, 1_005], 10, 'pass'],
  [[1_045, 1_050, 1_055], 10, 'pass'],
  [[1_085, 1_090, 1_095], 10, 'inconclusive'],
  [[1_095, 1_100, 1_105], 10, 'inconclusive'],
  [[1_195, 1_200, 1_205], 10, 'regressed'],
  [[895, 900, 905], 10, 'improved'],
  // The head's own rounds are wider than the spread between runs.
  [[900, 1_000, 1_300], 10, 'inconclusive'],
  [[1_000, 1_200, 1_210], 10, 'inconclusive'],
  [[1_190, 1_200, 9_000], 10, 'regressed'],
  [[null, 5_000, null], 10, 'inconclusive'],
  // Ten times faster is looked at before it is believed.
  [[99, 99.9, 101], 10, 'incomparable'],
  [[105, 110, 115], 10, 'improved'],
] as [Bounds, number, string][])(
  'a time of %j against 1,000, limit %d %%: %s',
  ([bounds, limit, outcome]) => {
    const verdict = judge('latency-p50', bounds, steady, limit);
    expect(verdict).toMatchObject({ outcome, kind: 'regression' });
  },
);

test.for([
  [[995, 1_000, 1_005], 'pass'],
  [[795, 800, 805], 'regressed'],
  [[1_195, 1_200, 1_205], 'improved'],
  [[20_000, 30_000, 40_000], 'incomparable'],
] as [Bounds, string][])('a throughput of %j against 1,000: %s', ([bounds, outcome]) => {
  expect(judge('throughput-closed-loop', bounds, steady, 10).outcome).toBe(outcome);
});

test('the ratio is head ÷ baseline with an interval that holds the spread between runs', () => {
  const { ratio, found, expected } = judge('latency-p50', [1_199, 1_200, 1_201], steady, 10);
  expect(ratio).toMatchObject({ n: 8, confidence: 0.95, center: expect.closeTo(1.2, 3) });
  // t(0.975, 4) · s · √(6/5) = 2.776 · 0.0079 · 1.095 = 0.0240 on the logarithm.
  expect(ratio?.lo).toBeCloseTo(1.2 * Math.exp(-0.024), 2);
  expect(ratio?.hi).toBeCloseTo(1.2 * Math.exp(0.024), 2);
  expect(found).toMatch(/^×1\.20 \[1\.17, 1\.23\] \(1\.20 µs, baseline 1\.00 µs\)$/);
  expect(expected).toBe('p50 within +10 % of the baseline');
});

test('a wide spread between runs of the baseline decides nothing', () => {
  const wide = [500, 1_000, 2_000];
  expect(judge('latency-p50', [1_295, 1_300, 1_305], wide, 10).outcome).toBe('inconclusive');
});

test.for([
  [[18, 18, 18], 'pass'],
  [[18.3, 18.36, 18.38], 'pass'],
  [[18.3, 18.4, 18.5], 'inconclusive'],
  [[18.9, 19, 19.1], 'regressed'],
  [[null, 19, null], 'regressed'],
  // A tenfold gain is work left undone until someone has looked.
  [[0, 0, 0], 'incomparable'],
  [[1.9, 1.9, 1.9], 'pass'],
] as [Bounds, string][])('a count of %j against 18, limit 2 %%: %s', ([bounds, outcome]) => {
  expect(judge('allocations-per-request', bounds, [18, 18, 18], 2).outcome).toBe(outcome);
});

test('a count of nothing may grow by the runtime’s own work, not more', () => {
  expect(judge('leaked-descriptors-per-1000', [0.01, 0.02, 0.02], [0], 0).outcome).toBe('pass');
  expect(judge('leaked-descriptors-per-1000', [0.9, 1, 1.1], [0], 0).outcome).toBe('regressed');
});

test('what the generator doubts convicts nothing, and may well be within the limit', () => {
  const suspicion = 'round 2: send lag p99 61 µs is over 50 µs';
  const judged = (center: number) =>
    judge('latency-p50', [center - 5, center, center + 5], steady, 10, suspicion);
  expect(judged(1_200)).toMatchObject({ outcome: 'unmeasurable' });
  expect(judged(1_200).found).toContain(suspicion);
  expect(judged(1_000).outcome).toBe('pass');
});
