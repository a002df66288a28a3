import { expect, test } from 'vitest';
import { exceedances, leastSamplesForInterval, tailSupport } from './exceedance.ts';
import { randomIntegers } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';

test.for([
  [10_000, 0.99, 100],
  [9_999, 0.99, 99],
  [99, 0.99, 0],
  [100, 0.99, 1],
  [0, 0.99, 0],
  [1_000, 0.999, 1],
  [30_000, 0.9999, 3],
  [1_000_000, 0.9999, 100],
  [10_000_000, 0.99999, 100],
  [7, 0.5, 3],
] as const)('of %d samples, those beyond %d', ([samples, quantile, beyond]) => {
  expect(exceedances(samples, quantile)).toBe(beyond);
});

test('is the count beyond the quantile of an actual sample, for every size and percentile', () => {
  for (let samples = 1; samples <= 400; samples += 7) {
    for (let percent = 1; percent < 100; percent++) {
      // In whole numbers, where nothing is rounded: the smallest rank of at least that share.
      const rank = Array.from({ length: samples }, (_, i) => i + 1).find(
        (candidate) => candidate * 100 >= percent * samples,
      );
      expect(exceedances(samples, percent / 100)).toBe(samples - (rank ?? Number.NaN));
    }
  }
});

test('a p99 needs 10,000 requests in every arm', () => {
  expect(tailSupport([10_000, 12_345], 0.99)).toEqual({
    exceedances: 100,
    enough: true,
    factor: 1,
  });
  expect(tailSupport([20_000], 0.99)).toEqual({ exceedances: 200, enough: true, factor: 1 });
  expect(tailSupport([50_000, 2_500], 0.99)).toEqual({ exceedances: 25, enough: false, factor: 4 });
  expect(tailSupport([9_999, 10_000], 0.99)).toMatchObject({ exceedances: 99, enough: false });
  expect(tailSupport([10_000], 0.999)).toMatchObject({ enough: false, factor: 10 });
  expect(tailSupport([100], 0.99, 1)).toMatchObject({ enough: true });
  expect(tailSupport([5_000, 0], 0.99)).toEqual({
    exceedances: 0,
    enough: false,
    factor: Number.POSITIVE_INFINITY,
  });
});

test('measuring longer by the factor is enough, and by less is not', () => {
  for (const quantile of [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999]) {
    for (const samples of [3, 47, 180, 9_000]) {
      const { enough, factor } = tailSupport([samples], quantile);
      const longer = Math.round(samples * factor);
      expect(tailSupport([longer], quantile).enough).toBe(true);
      expect(enough || !tailSupport([longer - 1], quantile).enough).toBe(true);
    }
  }
});

test('the order of the arms does not matter', () => {
  expect(tailSupport([1, 2, 3], 0.9)).toEqual(tailSupport([3, 1, 2], 0.9));
});

// SciPy 1.17.1: scipy.stats.quantile_test(values, p=quantile).confidence_interval(0.95) of 0 … n−1 has
// a bound that is NaN for n−1 values and none for n. The last is by hand: 0.75³ = (1 − 0.15625)/2.
test.for([
  [0.99, 0.95, 368],
  [0.999, 0.95, 3_688],
  [0.01, 0.95, 368],
  [0.9, 0.95, 36],
  [0.5, 0.95, 6],
  [0.75, 0.15625, 3],
] as const)(
  'an interval for the quantile %d at %d needs %d samples',
  ([quantile, confidence, n]) => {
    expect(leastSamplesForInterval(quantile, confidence)).toBe(n);
  },
);

test('more confidence or a farther quantile needs more samples', () => {
  let before = 0;
  for (const confidence of [1e-9, 0.5, 0.9, 0.95, 0.99, 0.999999]) {
    const n = leastSamplesForInterval(0.99, confidence);
    expect(n).toBeGreaterThan(before);
    expect(leastSamplesForInterval(0.999, confidence)).toBeGreaterThan(n);
    before = n;
  }
});

test('with that many the largest sample misses the quantile as often as one side may', () => {
  const n = leastSamplesForInterval(0.9, 0.9);
  const below = randomIntegers(9n);
  const trials = 10_000;
  let missed = 0;
  for (let trial = 0; trial < trials; trial++) {
    let largest = 0;
    for (let i = 0; i < n; i++) {
      largest = Math.max(largest, below(2 ** 32) / 2 ** 32);
    }
    missed += largest < 0.9 ? 1 : 0;
  }
  expect(missed / trials).toBeLessThan(0.05 + binomialSlack(0.05, trials));
  expect(missed / trials).toBeGreaterThan(0.9 * 0.05 - binomialSlack(0.05, trials));
});

test('refuses what cannot be counted or is no quantile', () => {
  for (const samples of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => exceedances(samples, 0.99)).toThrow(`in whole numbers, got ${samples}`);
    expect(() => tailSupport([10, samples], 0.99)).toThrow(RangeError);
  }
  for (const quantile of [0, 1, 99, Number.NaN]) {
    expect(() => exceedances(10, quantile)).toThrow(`in (0, 1), got ${quantile}`);
    expect(() => tailSupport([10], quantile)).toThrow(RangeError);
    expect(() => leastSamplesForInterval(quantile, 0.95)).toThrow(RangeError);
  }
  for (const needed of [0, 1.5, Number.NaN]) {
    expect(() => tailSupport([10], 0.99, needed)).toThrow(`is needed, got ${needed}`);
  }
  expect(() => tailSupport([], 0.99)).toThrow('got none');
  expect(() => leastSamplesForInterval(0.99, 1)).toThrow('got 1');
});
