import { expect, test } from 'vitest';
import { hodgesLehmann } from './hodges-lehmann.ts';
import { randomIntegers } from './random.ts';

test.for([
  [[5], 5],
  [[1, 2], 1.5],
  // Walsh averages 1, 3, 5.5, 5, 7.5, 10: their median is (5 + 5.5) / 2.
  [[1, 5, 10], 5.25],
  // 1, 1.5, 2, 50.5, 2, 2.5, 51, 3, 51.5, 100: the outlier moves the median to 2.75, the mean to 26.5.
  [[1, 2, 3, 100], 2.75],
  [[4, 4, 4, 4], 4],
  [[-3, 0, 3], 0],
] as const)('of %j is %d', ([values, expected]) => {
  expect(hodgesLehmann(values)).toBe(expected);
});

const below = randomIntegers(99n);
const samples = Array.from({ length: 20 }, (_, index) =>
  Array.from({ length: 2 + index }, () => below(4096) - 2048),
);

test('moves with a shift, a scale and a change of sign', () => {
  for (const sample of samples) {
    const center = hodgesLehmann(sample);
    // Powers of two and integers, so that equality is exact.
    expect(hodgesLehmann(sample.map((value) => value + 1024))).toBe(center + 1024);
    expect(hodgesLehmann(sample.map((value) => value * 8))).toBe(center * 8);
    expect(hodgesLehmann(sample.map((value) => -value))).toBe(0 - center);
  }
});

test('does not depend on the order and leaves its argument alone', () => {
  for (const sample of samples) {
    const copy = [...sample];
    expect(hodgesLehmann(sample.toReversed())).toBe(hodgesLehmann(sample));
    expect(hodgesLehmann(sample.toSorted((a, b) => a - b))).toBe(hodgesLehmann(copy));
    expect(sample).toEqual(copy);
  }
});

test('holds with 2 wild values of 9 (breakdown point 29 %)', () => {
  const quiet = [1, 2, 3, 4, 5, 6, 7];
  expect(hodgesLehmann([...quiet, 1e9, 1e12])).toBeLessThanOrEqual(7);
});

test.for([[[]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY]]])('refuses %j', ([values]) => {
  expect(() => hodgesLehmann(values as number[])).toThrow(RangeError);
});
