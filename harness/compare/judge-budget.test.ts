import { expect, test } from 'vitest';
import type { Interval } from '../analyze/measurement.ts';
import type { Budget } from '../scenario/budget.ts';
import type { MetricId } from '../scenario/metric.ts';
import type { Gated } from './gated.ts';
import { judgeBudget } from './judge-budget.ts';

function gated(metric: MetricId, bounds: [lo: number | null, center: number, hi: number | null]) {
  const [lo, center, hi] = bounds;
  const summary: Interval = { center, lo, hi, confidence: 0.95, n: 8 };
  return {
    variant: 'epoll',
    metric,
    values: [center],
    summary,
    ...{ unfit: null, suspicion: null },
  } satisfies Gated;
}

test.for([
  ['latency-p50', [90, 95, 100], 'pass'],
  ['latency-p50', [90, 95, 101], 'inconclusive'],
  ['latency-p50', [99, 105, 110], 'inconclusive'],
  ['latency-p50', [100, 105, 110], 'inconclusive'],
  ['latency-p50', [101, 105, 110], 'over-budget'],
  ['latency-p50', [null, 10, null], 'inconclusive'],
  ['throughput-closed-loop', [100, 105, 110], 'pass'],
  ['throughput-closed-loop', [99, 105, 110], 'inconclusive'],
  ['throughput-closed-loop', [80, 90, 99], 'over-budget'],
  ['throughput-closed-loop', [null, 1_000, null], 'inconclusive'],
] as [MetricId, [number | null, number, number | null], string][])(
  'limit 100: %s of %j is %s',
  ([metric, bounds, outcome]) => {
    const verdict = judgeBudget(gated(metric, bounds), { fail: 100 });
    expect(verdict).toMatchObject({ outcome, kind: 'budget', ratio: null });
    expect(verdict.advice === '').toBe(outcome === 'pass');
  },
);

test('says what was expected and found in the metric’s unit', () => {
  const { expected, found } = judgeBudget(gated('latency-p50', [59_000, 61_200, 63_000]), {
    fail: 2e6,
  });
  expect(expected).toBe('p50 ≤ 2.00 ms');
  expect(found).toBe('61.2 µs [59.0 µs, 63.0 µs]');
  expect(judgeBudget(gated('throughput-closed-loop', [1, 2, 3]), { fail: 2e4 }).expected).toBe(
    'closed-loop throughput ≥ 20.0 k/s',
  );
});

test('what is unfit is not judged, and without a value nothing passes', () => {
  const unfit = { outcome: 'unmeasurable' as const, found: 'no eBPF', advice: 'sudo' };
  const measured = gated('latency-p50', [1, 2, 3]);
  expect(judgeBudget({ ...measured, unfit }, { fail: 100 })).toMatchObject(unfit);
  expect(judgeBudget({ ...measured, summary: null }, { fail: 100 }).outcome).toBe('invalid');
});

test.for([
  [[80, 85, 90], { warn: 90, fail: 100 }, 'pass'],
  [[80, 85, 91], { warn: 90, fail: 100 }, 'budget-warning'],
  [[91, 95, 100], { warn: 90, fail: 100 }, 'budget-warning'],
  [[85, 95, 101], { warn: 90, fail: 100 }, 'inconclusive'],
  [[101, 105, 110], { warn: 90, fail: 100 }, 'over-budget'],
  [[80, 85, 90], { warn: 90 }, 'pass'],
  [[900, 950, 990], { warn: 90 }, 'budget-warning'],
  [[null, 10, null], { warn: 90 }, 'budget-warning'],
] as [[number | null, number, number | null], Budget, string][])(
  '%j with %j is %s',
  ([bounds, budget, outcome]) => {
    const verdict = judgeBudget(gated('latency-p50', bounds), budget);
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.advice === '').toBe(outcome === 'pass');
  },
);

test('what the generator doubts cannot break a budget, and may well be within it', () => {
  const suspicion = 'round 2: send lag p99 61 µs is over 50 µs';
  const judged = (lo: number, hi: number) =>
    judgeBudget({ ...gated('latency-p99', [lo, (lo + hi) / 2, hi]), suspicion }, { fail: 100 });
  const over = judged(101, 110);
  expect(over.outcome).toBe('unmeasurable');
  expect(over.found).toContain(suspicion);
  expect(judged(99, 110).outcome).toBe('inconclusive');
  expect(judged(90, 100).outcome).toBe('pass');
});

test('where higher is better, the warn level is the higher one', () => {
  const judge = (bounds: [number, number, number]) =>
    judgeBudget(gated('throughput-closed-loop', bounds), { warn: 110, fail: 100 }).outcome;
  expect(judge([111, 115, 120])).toBe('pass');
  expect(judge([101, 105, 109])).toBe('budget-warning');
  expect(judge([80, 90, 99])).toBe('over-budget');
});

test('both levels stand in the words', () => {
  const expected = (budget: Budget) =>
    judgeBudget(gated('latency-p50', [1, 2, 3]), budget).expected;
  expect(expected({ warn: 1e6, fail: 2e6 })).toBe('p50 ≤ 2.00 ms, warning beyond 1.00 ms');
  expect(expected({ warn: 1e6 })).toBe('p50: warning beyond 1.00 ms');
});
