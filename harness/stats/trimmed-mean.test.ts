import { expect, test } from 'vitest';
import { normals } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';
import {
  jointTrimmedMean,
  trimmedMean,
  trimmedMeanBound,
  trimmedMeanUpperTailP,
} from './trimmed-mean.ts';

const short = [0.021, -0.013, 0.034, 0.052, 0.008, 0.041, -0.002, 0.027];
const long = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3, -0.4];

function expectNear(value: number, reference: number): void {
  expect(Math.abs(value - reference)).toBeLessThanOrEqual(1e-13 * Math.abs(reference));
}

// SciPy 1.17.1: stats.trim_mean(values, share), stats.mstats.trimmed_stde (which cuts as often at either
// end), stats.t.sf((estimate − 0.01) / error, degrees), and with stats.t.ppf the lower bound at 0.005 and
// the upper one at 0.0005.
test.for([
  [
    short,
    0,
    0.021,
    0.007814821083775915,
    7,
    0.10103827183647279,
    -0.00634783585445629,
    0.06326163434261346,
  ],
  [
    short,
    0.2,
    0.0215,
    0.00841766849294642,
    5,
    0.11506074706339316,
    -0.012441242951727823,
    0.07931950547219088,
  ],
  [
    short,
    0.25,
    0.0225,
    0.008641676424662719,
    3,
    0.12191556734416126,
    -0.02797524828051575,
    0.13418484149750684,
  ],
  [
    long,
    0.1,
    1.605,
    0.26990739152531557,
    7,
    0.0002969011361427981,
    0.6604635915257181,
    3.0646274648811365,
  ],
  [
    long,
    0.25,
    1.6433333333333333,
    0.1317685962699875,
    5,
    3.027902519491924e-5,
    1.1120235124303814,
    2.5484289758476018,
  ],
] as const)('%j trimmed by %d', ([values, share, estimate, error, degrees, p, lower, upper]) => {
  const trimmed = trimmedMean(values, share);
  expectNear(trimmed.estimate, estimate);
  expectNear(trimmed.standardError, error);
  expect(trimmed.degrees).toBe(degrees);
  expect(trimmed.n).toBe(values.length);
  expectNear(trimmedMeanUpperTailP(values, 0.01, { share }), p);
  expectNear(trimmedMeanBound(values, 0.005, { side: 'lower', share }), lower);
  expectNear(trimmedMeanBound(values, 0.0005, { side: 'upper', share }), upper);
});

test('17 % are trimmed if nothing else is said: two of twelve', () => {
  const twelve = [...short, ...long].slice(0, 12);
  expect(trimmedMean(twelve)).toEqual(trimmedMean(twelve, 0.17));
  expect(trimmedMean(twelve).degrees).toBe(12 - 2 * 2 - 1);
  const share = 0.17;
  expect(trimmedMeanUpperTailP(twelve, 1)).toBe(trimmedMeanUpperTailP(twelve, 1, { share }));
  const side = 'lower';
  expect(trimmedMeanBound(twelve, 0.01, { side })).toBe(
    trimmedMeanBound(twelve, 0.01, { side, share }),
  );
});

test('how wild the trimmed values are does not matter', () => {
  const wild = long.map((value) => (value === 3.06 ? 1e9 : value === -0.4 ? -1e12 : value));
  expect(trimmedMean(wild, 0.1)).toEqual(trimmedMean(long, 0.1));
});

test('moves and stretches with the values, in any order', () => {
  const trimmed = trimmedMean(short);
  const moved = trimmedMean(short.map((value) => 5 - 4 * value).reverse());
  expectNear(moved.estimate, 5 - 4 * trimmed.estimate);
  expect(moved.standardError).toBeCloseTo(4 * trimmed.standardError, 14);
});

test('the bound is the threshold whose p is alpha, and sides mirror each other', () => {
  const mirrored = long.map((value) => -value);
  for (const alpha of [0.2, 0.025, 0.0005, 1e-9]) {
    const lower = trimmedMeanBound(long, alpha, { side: 'lower' });
    expect(trimmedMeanUpperTailP(long, lower) / alpha).toBeCloseTo(1, 10);
    expectNear(trimmedMeanBound(mirrored, alpha, { side: 'upper' }), -lower);
    const upper = trimmedMeanBound(long, alpha, { side: 'upper' });
    expect(trimmedMeanUpperTailP(mirrored, -upper) / alpha).toBeCloseTo(1, 10);
  }
});

test('p falls as the threshold does', () => {
  const ps = [5, 2, 1.6, 1, 0, -10].map((threshold) => trimmedMeanUpperTailP(long, threshold));
  expect(ps).toEqual([...ps].sort((a, b) => b - a));
  expect(new Set(ps).size).toBe(ps.length);
});

test('equal values have no error, though their sums round', () => {
  for (const value of [0.1, 0.3, Math.log(1.03), -0.7, 1 / 3, 0]) {
    for (let n = 5; n <= 40; n++) {
      const values = new Array<number>(n).fill(value);
      expect(trimmedMean(values)).toMatchObject({ estimate: value, standardError: 0 });
      expect(trimmedMeanUpperTailP(values, value)).toBe(1);
      expect(trimmedMeanUpperTailP(values, value - 1e-9)).toBe(0);
      expect(trimmedMeanBound(values, 0.001, { side: 'upper' })).toBe(value);
    }
  }
  // One wild value of ten is trimmed away, and so is the doubt.
  expect(trimmedMean([2, 2, 2, 2, 2, 2, 2, 2, 2, 9], 0.1).standardError).toBe(0);
});

test.for([0, 0.1, 0.15, 0.25])('keeps its level with 15 normal values, trimmed by %d', (share) => {
  const normal = normals(BigInt(Math.round(share * 100)) + 3n);
  const trials = 10_000;
  const erred = { upper: 0, lower: 0 };
  for (let trial = 0; trial < trials; trial++) {
    const values = Array.from({ length: 15 }, () => 7 + normal());
    erred.lower += trimmedMeanBound(values, 0.025, { side: 'lower', share }) > 7 ? 1 : 0;
    erred.upper += trimmedMeanBound(values, 0.025, { side: 'upper', share }) < 7 ? 1 : 0;
  }
  for (const count of Object.values(erred)) {
    // Student's t is an approximation once something is trimmed: a tenth more than the level.
    const most = share === 0 ? 0.025 : 0.0275;
    expect(count / trials).toBeLessThan(most + binomialSlack(most, trials));
    expect(count / trials).toBeGreaterThan(0.025 - binomialSlack(0.025, trials));
  }
});

test('refuses too few values, wild ones, and shares that leave too few', () => {
  for (const values of [[], [1, 2, 3, 4], [1, 2, 3, 4, Number.NaN]]) {
    expect(() => trimmedMean(values)).toThrow(`needs 5 finite values, got [${values.join(', ')}]`);
  }
  for (const share of [-0.1, 0.41, 15, Number.NaN]) {
    expect(() => trimmedMean(long, share)).toThrow(`in [0, 0.4], got ${share}`);
  }
  expect(() => trimmedMean([1, 2, 3, 4, 5], 0.4)).toThrow('0.4 of 5 values at each end leaves');
  expect(() => trimmedMeanUpperTailP(long, Number.NaN)).toThrow('finite threshold, got NaN');
  for (const alpha of [0, 0.5, Number.NaN]) {
    const bound = () => trimmedMeanBound(long, alpha, { side: 'lower' });
    expect(bound).toThrow(`in (0, 0.5), got ${alpha}`);
  }
});

test('the joint mean of one column is its trimmed mean, and of several the mean of theirs', () => {
  const normal = normals(5n);
  const rows = Array.from({ length: 17 }, () => [normal(), normal() + 1] as const);
  const [first, second] = [rows.map(([a]) => a), rows.map(([, b]) => b)];
  expect(jointTrimmedMean([first]).estimate).toBe(trimmedMean(first).estimate);
  expect(jointTrimmedMean([first]).standardError).toBeCloseTo(trimmedMean(first).standardError, 12);
  const both = jointTrimmedMean([first, second]);
  expect(both.estimate).toBeCloseTo(
    (trimmedMean(first).estimate + trimmedMean(second).estimate) / 2,
    12,
  );
  expect(both).toMatchObject({ n: 17, degrees: trimmedMean(first).degrees });
  // Equal columns say nothing new; independent ones err less.
  expect(jointTrimmedMean([first, first]).standardError).toBeCloseTo(
    trimmedMean(first).standardError,
    12,
  );
  expect(both.standardError).toBeLessThan(trimmedMean(first).standardError);
  // A column that never changes takes no doubt from the other.
  const still = first.map(() => 1);
  expect(jointTrimmedMean([first, still]).standardError).toBeCloseTo(
    trimmedMean(first).standardError / 2,
    12,
  );
  expect(jointTrimmedMean([still, still]).standardError).toBe(0);
  expect(() => jointTrimmedMean([])).toThrow(RangeError);
  expect(() => jointTrimmedMean([first, second.slice(1)])).toThrow('equally long');
});

test('bursts of single programs do not lean towards the two that are the base', () => {
  const normal = normals(6n);
  const burst = () => 0.01 * normal() + (Math.abs(normal()) > 1.44 ? 0.3 : 0);
  let [joint, naive] = [0, 0];
  const trials = 300;
  for (let trial = 0; trial < trials; trial++) {
    const rows = Array.from({ length: 39 }, () => [burst(), burst(), burst()] as const);
    joint += jointTrimmedMean([
      rows.map(([b, , h]) => h - b),
      rows.map(([, c, h]) => h - c),
    ]).estimate;
    naive += trimmedMean(rows.map(([b, c, h]) => h - (b + c) / 2)).estimate;
  }
  expect(Math.abs(joint / trials)).toBeLessThan(0.004);
  expect(naive / trials).toBeLessThan(-0.008);
});
