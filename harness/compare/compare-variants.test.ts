import { expect, test } from 'vitest';
import { measureScenario } from '../analyze/measure.ts';
import type { Measurement } from '../analyze/measurement.ts';
import { makeEvidence, steady } from '../test/evidence.ts';
import { compareVariants } from './compare-variants.ts';

function measured(variant: string, values: (number | null)[], metric = 'latency-p50' as const) {
  const base: Measurement = {
    variant,
    metric,
    values,
    samples: 1_000,
    summary: null,
    source: 'test',
    warnings: [`of ${variant}`],
  };
  return base;
}

const reference = measured('epoll', [100, 200, 50, 400, 120, 90]);
const double = measured('io_uring', [200, 400, 100, 800, 240, 180]);

test('pairs by round: rounds that differ fourfold do not hide a factor of two', () => {
  const [comparison] = compareVariants([reference, double], 'epoll');
  expect(comparison).toMatchObject({
    metric: 'latency-p50',
    variant: 'io_uring',
    reference: 'epoll',
    direction: 'worse',
    ratio: { center: expect.closeTo(2, 9), lo: expect.closeTo(2, 9), n: 6 },
    warnings: ['of io_uring', 'of epoll'],
  });
});

test('the other way round it is the inverse, and better', () => {
  const [comparison] = compareVariants([reference, double], 'io_uring');
  expect(comparison).toMatchObject({ variant: 'epoll', direction: 'better' });
  expect(comparison?.ratio?.center).toBeCloseTo(0.5, 9);
});

test('more throughput is better', () => {
  const of = (variant: string, values: number[]): Measurement => ({
    ...measured(variant, values),
    metric: 'throughput-closed-loop',
  });
  const [comparison] = compareVariants(
    [of('epoll', [100, 101, 99]), of('io_uring', [200, 202, 198])],
    'epoll',
  );
  expect(comparison?.direction).toBe('better');
});

test('rounds that one side could not measure are left out of the pairs', () => {
  const holes = measured('io_uring', [200, null, 100, null, 240, 180]);
  expect(compareVariants([reference, holes], 'epoll')[0]?.ratio?.n).toBe(4);
  const zero = measured('io_uring', [200, 0, 100, -5, 240, 180]);
  expect(compareVariants([reference, zero], 'epoll')[0]?.ratio?.n).toBe(4);
});

test('one pair has no interval and decides nothing; none is no comparison', () => {
  const one = measured('io_uring', [900, null, null, null, null, null]);
  expect(compareVariants([reference, one], 'epoll')[0]).toMatchObject({
    direction: 'undecided',
    ratio: { lo: null, hi: null, n: 1 },
  });
  const none = measured('io_uring', [null, null]);
  expect(compareVariants([reference, none], 'epoll')).toEqual([]);
  expect(compareVariants([double], 'epoll')).toEqual([]);
});

test('the same program as both variants is not distinguishable', () => {
  const comparisons = compareVariants(measureScenario(makeEvidence()), 'epoll');
  const times = comparisons.filter(({ metric }) => metric.startsWith('latency'));
  expect(times.map(({ direction }) => direction)).toEqual(['undecided', 'undecided']);
});

test('a variant that is 5 % slower is found on a quiet machine', () => {
  const numbers = { io_uring: { p50Ns: steady.p50Ns * 1.05 } };
  const comparisons = compareVariants(measureScenario(makeEvidence({ numbers })), 'epoll');
  const p50 = comparisons.find(({ metric }) => metric === 'latency-p50');
  expect(p50).toMatchObject({ direction: 'worse' });
  expect(p50?.ratio?.center).toBeCloseTo(1.05, 1);
});
