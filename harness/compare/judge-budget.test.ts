import { expect, test } from 'vitest';
import type { Interval } from '../analyze/measurement.ts';
import type { MetricId } from '../scenario/metric.ts';
import type { Gated } from './gated.ts';
import { judgeBudget } from './judge-budget.ts';

function gated(metric: MetricId, bounds: [lo: number | null, center: number, hi: number | null]) {
  const [lo, center, hi] = bounds;
  const summary: Interval = { center, lo, hi, confidence: 0.95, n: 8 };
  return { variant: 'epoll', metric, values: [center], summary, unfit: null } satisfies Gated;
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
    const verdict = judgeBudget(gated(metric, bounds), 100);
    expect(verdict).toMatchObject({ outcome, kind: 'budget', ratio: null });
    expect(verdict.advice === '').toBe(outcome === 'pass');
  },
);

test('says what was expected and found in the metric’s unit', () => {
  const { expected, found } = judgeBudget(gated('latency-p50', [59_000, 61_200, 63_000]), 2e6);
  expect(expected).toBe('p50 ≤ 2.00 ms');
  expect(found).toBe('61.2 µs [59.0 µs, 63.0 µs]');
  expect(judgeBudget(gated('throughput-closed-loop', [1, 2, 3]), 2e4).expected).toBe(
    'closed-loop throughput ≥ 20.0 k/s',
  );
});

test('what is unfit is not judged, and without a value nothing passes', () => {
  const unfit = { outcome: 'unmeasurable' as const, found: 'no eBPF', advice: 'sudo' };
  const measured = gated('latency-p50', [1, 2, 3]);
  expect(judgeBudget({ ...measured, unfit }, 100)).toMatchObject(unfit);
  expect(judgeBudget({ ...measured, summary: null }, 100).outcome).toBe('invalid');
});
