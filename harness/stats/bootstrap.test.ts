import { mean } from 'simple-statistics';
import { expect, test } from 'vitest';
import { bootstrapInterval } from './bootstrap.ts';
import { normals } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';

const values = [10.1, 9.7, 10.4, 9.9, 10.6, 10.2, 9.8, 10.3];
const average = (sample: readonly number[]) => mean([...sample]);
const options = { confidence: 0.95, seed: 42n };

test('the seed decides the interval, to the last bit', () => {
  const interval = bootstrapInterval(values, average, options);
  expect(bootstrapInterval([...values], average, options)).toEqual(interval);
  const other = bootstrapInterval(values, average, { ...options, seed: 43n });
  expect(other).not.toEqual(interval);
  expect(other.center).toBe(interval.center);
  // Another seed moves the bounds by far less than they are apart.
  expect(Math.abs(other.lo - interval.lo)).toBeLessThan(0.1 * (interval.hi - interval.lo));
});

test('the interval holds its centre, which is the estimate itself', () => {
  const interval = bootstrapInterval(values, average, options);
  expect(interval.center).toBe(average(values));
  expect(interval.lo).toBeLessThan(interval.center);
  expect(interval.hi).toBeGreaterThan(interval.center);
});

test('more confidence is wider, equal values have no width', () => {
  const wide = bootstrapInterval(values, average, { ...options, confidence: 0.99 });
  const narrow = bootstrapInterval(values, average, { ...options, confidence: 0.8 });
  expect(wide.hi - wide.lo).toBeGreaterThan(narrow.hi - narrow.lo);
  expect(bootstrapInterval([3, 3, 3], average, options)).toEqual({ center: 3, lo: 3, hi: 3 });
});

test.for([[[]], [[1]]])('refuses %j: one value has no spread', ([few]) => {
  expect(() => bootstrapInterval(few as number[], average, options)).toThrow('at least 2 values');
});

test('the 95 % interval of 8 normal values covers the true mean 95 % of the time', () => {
  const normal = normals(2026n);
  const trials = 1_500;
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const sample = Array.from({ length: 8 }, () => 100 + 5 * normal());
    const { lo, hi } = bootstrapInterval(sample, average, {
      confidence: 0.95,
      seed: BigInt(trial),
      resamples: 400,
    });
    covered += lo <= 100 && 100 <= hi ? 1 : 0;
  }
  expect(Math.abs(covered / trials - 0.95)).toBeLessThan(binomialSlack(0.95, trials));
});
