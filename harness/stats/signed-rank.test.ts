import { expect, test } from 'vitest';
import { hodgesLehmann } from './hodges-lehmann.ts';
import { normals } from './random.ts';
import {
  signedRankBound,
  signedRankInterval,
  signedRankUpperTailP,
  smallestSignedRankP,
} from './signed-rank.ts';
import { binomialSlack } from './testing/simulation.ts';

const short = [0.021, -0.013, 0.034, 0.052, 0.008, 0.041, -0.002, 0.027];
const long = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3, -0.4];

// SciPy 1.17.1, scipy.stats.wilcoxon(values − threshold, alternative='greater', method='exact').
test.for([
  [short, 0, 0.02734375],
  [short, 0.015, 0.2734375],
  [short, -0.5, 0.00390625],
  [long, 1, 0.0419921875],
  [long, 2.6, 0.998046875],
] as const)('p of %j above %d', ([values, threshold, reference]) => {
  expect(signedRankUpperTailP(values, threshold)).toBe(reference);
});

// The same for the values 1 … n of which some are negative, mirrored: wilcoxon(−values, alternative='less'), because
// SciPy takes 'greater' from 1 − cdf, which at 60 leaves three digits. Counting in Python's whole numbers confirms all.
test.for([
  [20, [1, 2, 3], 1.33514404296875e-5],
  [30, [5, 10, 17], 2.5723129510879517e-6],
  [60, [1, 2, 30, 40], 3.5565560912997896e-13],
  [200, [1, 2, 30, 40], 2.5534898589647623e-55],
] as const)('p far out with %d values, %j of them below', ([n, below, reference]) => {
  const values = ranksBut(n, below);
  expect(Math.abs(signedRankUpperTailP(values, 0) / reference - 1)).toBeLessThan(1e-14);
});

test('the last steps of the tail are 1, 2, 3, 5 and 7 of 2ⁿ, at every n', () => {
  // By hand: sums of different ranks that are at most 0, 1, 2, 3, 4. SciPy gives 0 at n = 200.
  for (const n of [8, 53, 54, 100, 200]) {
    const ways = [[], [1], [2], [3], [4]].map(
      (below) => signedRankUpperTailP(ranksBut(n, below), 0) * 2 ** n,
    );
    expect(ways).toEqual([1, 2, 3, 5, 7]);
    expect(smallestSignedRankP(n)).toBe(2 ** -n);
  }
});

// SciPy 1.17.1: wilcoxon(…, zero_method='pratt', method=PermutationMethod(n_resamples=inf)).
test.for([
  [[1, 1, 2, -2, 3, 3, 3, -1, 4, 5], 0.015625],
  [[0, 0, 1, 1, -2, 3, 4, -4, 5, 6], 0.09375],
] as const)('ties and zeros: %j', ([values, reference]) => {
  expect(signedRankUpperTailP(values, 0)).toBe(reference);
});

test('values that are all at the threshold say nothing', () => {
  expect(signedRankUpperTailP([2, 2, 2, 2, 2, 2], 2)).toBe(1);
});

test('one side and the other share the observed sum; neither order nor scale matters', () => {
  const normal = normals(11n);
  for (let n = 1; n <= 60; n += 7) {
    const values = Array.from({ length: n }, () => normal() + 0.2);
    const p = signedRankUpperTailP(values, 0);
    const other = signedRankUpperTailP(negated(values), 0);
    expect(p + other).toBeGreaterThan(1);
    expect(p).toBeGreaterThanOrEqual(smallestSignedRankP(n));
    expect(signedRankUpperTailP([...values].reverse(), 0)).toBe(p);
    expect(signedRankUpperTailP(scaled(values, 8), 0)).toBe(p);
  }
});

test('p falls as the threshold does', () => {
  let before = 1;
  for (const threshold of [4, 2.6, 1.7, 1.6, 1.5, 1.2, 0.7, 0.2, -1]) {
    const p = signedRankUpperTailP(long, threshold);
    expect(p).toBeLessThanOrEqual(before);
    before = p;
  }
  expect(before).toBe(2 ** -10);
});

test('the bound is where the test begins to reject', () => {
  const normal = normals(12n);
  for (const n of [8, 15, 40, 200]) {
    const values = Array.from({ length: n }, () => normal());
    for (const alpha of [0.2, 0.025, 0.005]) {
      const lower = signedRankBound(values, alpha, 'lower');
      expect(signedRankUpperTailP(values, lower - 1e-9)).toBeLessThanOrEqual(alpha);
      expect(signedRankUpperTailP(values, lower + 1e-9)).toBeGreaterThan(alpha);
      expect(signedRankBound(negated(values), alpha, 'upper')).toBe(-lower);
    }
  }
});

test('a bound is a Walsh average, counted by hand', () => {
  // n = 5: 2⁻⁵ = 0.03125 allows the first of 15, 2·2⁻⁵ the second, 3·2⁻⁵ the third.
  const values = [1, 2, 4, 8, 16];
  expect(signedRankBound(values, 0.03125, 'lower')).toBe(1);
  expect(signedRankBound(values, 0.0625, 'lower')).toBe(1.5);
  expect(signedRankBound(values, 0.0626, 'lower')).toBe(1.5);
  expect(signedRankBound(values, 0.09375, 'lower')).toBe(2);
  expect(signedRankBound(values, 0.03125, 'upper')).toBe(16);
  expect(signedRankBound(values, 0.0625, 'upper')).toBe(12);
});

test('too few values for a level have no bound', () => {
  expect(signedRankBound([1, 2, 3, 4, 5], 0.0312, 'lower')).toBe(Number.NEGATIVE_INFINITY);
  expect(signedRankBound([1, 2, 3, 4, 5], 0.0312, 'upper')).toBe(Number.POSITIVE_INFINITY);
  const { lo, hi } = signedRankInterval([1, 2, 3, 4, 5], 0.95);
  expect([lo, hi]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('the interval holds the Hodges–Lehmann centre, moves and stretches with the values', () => {
  const { center, lo, hi } = signedRankInterval(short, 0.9);
  expect(center).toBe(hodgesLehmann(short));
  expect(lo).toBeLessThan(center);
  expect(hi).toBeGreaterThan(center);
  const moved = signedRankInterval(
    short.map((value) => 4 * value + 3),
    0.9,
  );
  expect(moved.lo).toBeCloseTo(4 * lo + 3, 13);
  expect(moved.hi).toBeCloseTo(4 * hi + 3, 13);
  const surer = signedRankInterval(short, 0.98);
  expect(surer.lo).toBeLessThan(lo);
  expect(surer.hi).toBeGreaterThan(hi);
});

test.for([8, 15, 30])('errs as often as its step of the level says, with %d values', (n) => {
  const normal = normals(BigInt(n));
  const bursty = () => normal() * (Math.abs(normal()) > 1.96 ? 6 : 1);
  const trials = 1_500;
  let erred = 0;
  let rejected = 0;
  for (let trial = 0; trial < trials; trial++) {
    const values = Array.from({ length: n }, bursty);
    erred += signedRankBound(values, 0.05, 'lower') > 0 ? 1 : 0;
    rejected += signedRankUpperTailP(values, 0) <= 0.05 ? 1 : 0;
  }
  expect(erred).toBe(rejected);
  expect(erred / trials).toBeLessThan(0.05 + binomialSlack(0.05, trials));
  expect(erred / trials).toBeGreaterThan(0.035 - binomialSlack(0.035, trials));
});

test('refuses what it cannot count', () => {
  expect(() => signedRankUpperTailP([], 0)).toThrow('1 to 200 finite values, got 0 of them');
  expect(() => signedRankBound(new Array(201).fill(1), 0.05, 'lower')).toThrow('got 201 of them');
  expect(() => signedRankInterval([1, Number.NaN], 0.95)).toThrow('got NaN');
  expect(() => signedRankUpperTailP([1], Number.POSITIVE_INFINITY)).toThrow('got Infinity');
  for (const alpha of [0, 0.5, -1, Number.NaN]) {
    expect(() => signedRankBound(short, alpha, 'lower')).toThrow(`in (0, 0.5), got ${alpha}`);
  }
  for (const confidence of [0, 1, 95, Number.NaN]) {
    expect(() => signedRankInterval(short, confidence)).toThrow(`in (0, 1), got ${confidence}`);
  }
  for (const n of [0, 201, 2.5, Number.NaN]) {
    expect(() => smallestSignedRankP(n)).toThrow(`got ${n}`);
  }
});

/** The values 1 … n, with those in `below` negated. */
function ranksBut(n: number, below: readonly number[]): number[] {
  return Array.from({ length: n }, (_, i) => (below.includes(i + 1) ? -i - 1 : i + 1));
}

function negated(values: readonly number[]): number[] {
  return scaled(values, -1);
}

function scaled(values: readonly number[], factor: number): number[] {
  return values.map((value) => factor * value);
}
