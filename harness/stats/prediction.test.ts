import { expect, test } from 'vitest';
import { newRunInterval } from './prediction.ts';
import { normals } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';

test('equals the calculation by hand', () => {
  // mean 10.05, s = 0.2886751, t(0.975, 3) = 3.1824463 (SciPy): 3.1824463 · 0.2886751 · √1.25.
  const { center, lo, hi } = newRunInterval([10.0, 10.4, 9.7, 10.1], 10.2, 0.95);
  expect(center).toBeCloseTo(0.15, 12);
  expect(hi - center).toBeCloseTo(1.027130128, 7);
  expect(center - lo).toBeCloseTo(1.027130128, 7);
});

test('two baseline runs make it very wide: t with one degree of freedom', () => {
  // s = 0.1 · √2 / 2 … 12.7062047 · 0.0707107 · √1.5.
  const { lo, hi } = newRunInterval([1.0, 1.1], 1.05, 0.95);
  expect((hi - lo) / 2).toBeCloseTo(12.7062047 * Math.sqrt(0.005) * Math.sqrt(1.5), 6);
});

test('equal runs have no spread, and one run has none to show', () => {
  expect(newRunInterval([2, 2, 2], 3, 0.95)).toEqual({ center: 1, lo: 1, hi: 1 });
  expect(() => newRunInterval([2], 3, 0.95)).toThrow('at least 2 runs');
});

test.for([2, 3, 5, 10])('holds 95 of 100 new runs of the same machine, %d baseline runs', (k) => {
  const normal = normals(BigInt(1000 + k));
  const trials = 4_000;
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const runs = Array.from({ length: k }, () => 4 + 0.3 * normal());
    const { lo, hi } = newRunInterval(runs, 4 + 0.3 * normal(), 0.95);
    covered += lo <= 0 && 0 <= hi ? 1 : 0;
  }
  expect(Math.abs(covered / trials - 0.95)).toBeLessThan(binomialSlack(0.95, trials));
});
