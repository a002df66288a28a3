import { expect, test } from 'vitest';
import { bootstrapTInterval } from './bootstrap-t.ts';
import { normals } from './random.ts';
import { studentTQuantile } from './student-t.ts';
import { binomialSlack } from './testing/simulation.ts';
import { trimmedMean } from './trimmed-mean.ts';

const rounds = [0.021, -0.013, 0.034, 0.052, 0.008, 0.041, -0.002, 0.027, 0.015, 0.03].map(
  (value) => [value],
);
const options = { confidence: 0.95, seed: 42n };

test('the seed decides the interval, to the last bit', () => {
  const interval = bootstrapTInterval(rounds, options);
  expect(bootstrapTInterval(structuredClone(rounds), options)).toEqual(interval);
  const other = bootstrapTInterval(rounds, { ...options, seed: 43n });
  expect(other).not.toEqual(interval);
  expect(other.center).toBe(interval.center);
  expect(Math.abs(other.lo - interval.lo)).toBeLessThan(0.2 * (interval.hi - interval.lo));
});

test('the centre is the trimmed mean over rounds, inside of the interval', () => {
  for (const share of [0, 0.1, 0.25]) {
    const { center, lo, hi } = bootstrapTInterval(rounds, { ...options, share });
    expect(center).toBe(trimmedMean(rounds.flat(), share).estimate);
    expect(lo).toBeLessThan(center);
    expect(hi).toBeGreaterThan(center);
  }
});

test('windows count through their round: more of the same in one changes nothing', () => {
  const split = rounds.map(([value = 0]) => [value - 0.5, value, value + 0.5]);
  const doubled = split.map((windows) => [...windows, ...windows]);
  const { lo, hi } = bootstrapTInterval(rounds, options);
  for (const nested of [split, doubled]) {
    const interval = bootstrapTInterval(nested, options);
    expect(interval.lo).toBeCloseTo(lo, 12);
    expect(interval.hi).toBeCloseTo(hi, 12);
  }
});

test('moves and stretches with the values, and is wider for more confidence', () => {
  const { lo, hi } = bootstrapTInterval(rounds, options);
  const moved = bootstrapTInterval(
    rounds.map(([value = 0]) => [3 + 8 * value]),
    options,
  );
  expect(moved.lo).toBeCloseTo(3 + 8 * lo, 12);
  expect(moved.hi).toBeCloseTo(3 + 8 * hi, 12);
  const wide = bootstrapTInterval(rounds, { ...options, confidence: 0.99 });
  expect(wide.lo).toBeLessThan(lo);
  expect(wide.hi).toBeGreaterThan(hi);
});

test('comes near to Student’s interval for the plain mean of many normal rounds', () => {
  const normal = normals(8n);
  const many = Array.from({ length: 400 }, () => [normal()]);
  const { center, lo, hi } = bootstrapTInterval(many, { ...options, share: 0 });
  const { standardError } = trimmedMean(many.flat(), 0);
  const half = studentTQuantile(0.975, 399) * standardError;
  expect(Math.abs((center - lo) / half - 1)).toBeLessThan(0.08);
  expect(Math.abs((hi - center) / half - 1)).toBeLessThan(0.08);
});

test('skewed rounds reach further on the side of their tail', () => {
  const skewed = Array.from({ length: 20 }, (_, i) => [Math.exp(i / 5)]);
  const { center, lo, hi } = bootstrapTInterval(skewed, { ...options, share: 0 });
  expect(hi - center).toBeGreaterThan(1.3 * (center - lo));
});

test('equal rounds have no width, though their sums round', () => {
  const equal = new Array<number[]>(9).fill([0.1]);
  const alike = { center: 0.1, lo: 0.1, hi: 0.1, degenerate: 0 };
  expect(bootstrapTInterval(equal, options)).toEqual(alike);
});

test('resamples without spread are counted and can only widen', () => {
  // Most resamples of these hold no second value within the trimmed rest.
  const nearlyEqual = [1, 1, 1, 1, 1, 1, 1, 2, 2].map((value) => [value]);
  const interval = bootstrapTInterval(nearlyEqual, options);
  expect(interval.degenerate).toBeGreaterThan(1_000);
  expect(interval.hi).toBe(Number.POSITIVE_INFINITY);
  expect(bootstrapTInterval(rounds, options).degenerate).toBeLessThan(4);
});

test.for([
  [0.95, 39],
  [0.9, 19],
  [0.99, 199],
] as const)(
  'at %d the fewest resamples are %d, whatever the confidence rounds to',
  ([confidence, fewest]) => {
    const { lo, hi } = bootstrapTInterval(rounds, { ...options, confidence, resamples: fewest });
    expect(Number.isFinite(lo) && Number.isFinite(hi)).toBe(true);
    const fewer = () =>
      bootstrapTInterval(rounds, { ...options, confidence, resamples: fewest - 1 });
    expect(fewer).toThrow(`needs ${fewest} to 10⁶ resamples, got ${fewest - 1}`);
  },
);

test.for([8, 15])('covers 93 to 98 of 100 with %d rounds, one in twenty a burst', (n) => {
  const normal = normals(BigInt(n));
  const bursty = () => [normal() * (Math.abs(normal()) > 1.96 ? 6 : 1)];
  const trials = 500;
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const { lo, hi } = bootstrapTInterval(Array.from({ length: n }, bursty), {
      confidence: 0.95,
      seed: BigInt(trial),
      resamples: 399,
    });
    covered += lo <= 0 && 0 <= hi ? 1 : 0;
  }
  expect(covered / trials).toBeGreaterThan(0.93 - binomialSlack(0.93, trials));
  expect(covered / trials).toBeLessThan(0.98 + binomialSlack(0.98, trials));
});

test('refuses rounds without windows, too few, and options that are none', () => {
  expect(() => bootstrapTInterval([...rounds, []], options)).toThrow('one window, got none');
  expect(() => bootstrapTInterval(rounds.slice(6), options)).toThrow('needs 5 finite values');
  expect(() => bootstrapTInterval([...rounds, [Number.NaN]], options)).toThrow('finite values');
  expect(() => bootstrapTInterval(rounds, { ...options, share: 0.5 })).toThrow('in [0, 0.4]');
  for (const confidence of [0, 1, 95, Number.NaN]) {
    expect(() => bootstrapTInterval(rounds, { ...options, confidence })).toThrow('in (0, 1)');
  }
  for (const resamples of [100.5, 2e6, Number.NaN]) {
    expect(() => bootstrapTInterval(rounds, { ...options, resamples })).toThrow(`got ${resamples}`);
  }
});
