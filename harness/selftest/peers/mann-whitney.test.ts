import { expect, test } from 'vitest';
import { mannWhitneyP } from './mann-whitney.ts';

const ten = Array.from({ length: 10 }, (_, i) => i);
const sixty = Array.from({ length: 60 }, (_, i) => i);

// SciPy 1.17.1, scipy.stats.mannwhitneyu(a, b, method='exact').
test.for([
  [[1.1, 2.3, 2.9, 4.2, 5.05], [2.2, 3.1, 4.8, 6.4, 7.7, 8.1], 0.17748917748917747],
  [ten, ten.map((x) => x + 4.5), 0.006841455757864427],
  [[1, 2, 3], [4, 5, 6], 0.1],
  [ten, ten.map((x) => x + 100), 1.082508822446903e-5],
] as const)('exact p-value %#', ([a, b, reference]) => {
  expect(Math.abs(mannWhitneyP(a, b) / reference - 1)).toBeLessThan(1e-12);
  expect(mannWhitneyP(b, a)).toBe(mannWhitneyP(a, b));
});

// The same with method='asymptotic': ties, or more than 50 values.
test.for([
  [[1, 2, 2, 3, 5], [2, 3, 4, 4, 6, 6], 0.13770287768403508],
  [[1, 1, 1], [1, 1, 1], 1],
  [sixty.map((x) => x * 1.01), sixty.map((x) => x * 1.02 + 7.3), 0.02694585619564296],
] as const)('approximate p-value %#', ([a, b, reference]) => {
  expect(Math.abs(mannWhitneyP(a, b) / reference - 1)).toBeLessThan(1e-12);
});

test('only the order of the values counts', () => {
  const [a, b] = [
    [3, 1, 8, 4.5],
    [2, 9, 10, 7, 5],
  ];
  const p = mannWhitneyP(a, b);
  expect(mannWhitneyP(a.map(Math.exp), b.map(Math.exp))).toBe(p);
  expect(mannWhitneyP(a.toReversed(), b.toSorted())).toBe(p);
});

test('no p-value without values', () => {
  expect(() => mannWhitneyP([], [1])).toThrow(RangeError);
  expect(() => mannWhitneyP([1, Number.NaN], [1])).toThrow('NaN');
});
