import { expect, test } from 'vitest';
import { momentsOf, pooledP, twoSidedP, welchP } from './student.ts';

const a = momentsOf([1.1, 2.3, 2.9, 4.2, 5.05]);
const b = momentsOf([2.2, 3.1, 4.8, 6.4, 7.7, 8.1]);

function gap(value: number, reference: number): number {
  return Math.abs(value / reference - 1);
}

// SciPy 1.17.1, scipy.stats.ttest_ind and ttest_ind_from_stats.
test('p-values are those of SciPy', () => {
  expect(gap(welchP(a, b), 0.09498088451107332)).toBeLessThan(1e-12);
  expect(gap(pooledP(a, b), 0.10542319228502858)).toBeLessThan(1e-12);
  const requests = [
    { n: 24_000, mean: 200_000, variance: 90_000 ** 2 },
    { n: 24_100, mean: 203_000, variance: 95_000 ** 2 },
  ] as const;
  expect(gap(welchP(...requests), 0.00037778517700622646)).toBeLessThan(1e-11);
});

test('both tests are symmetric, and mute without spread or enough values', () => {
  expect(welchP(b, a)).toBe(welchP(a, b));
  expect(pooledP(b, a)).toBe(pooledP(a, b));
  expect(welchP(momentsOf([1, 1]), momentsOf([2, 2]))).toBe(1);
  expect(pooledP(momentsOf([1]), momentsOf([2]))).toBe(1);
  expect(twoSidedP(0, 5)).toBe(1);
});
