import { expect, test } from 'vitest';
import { studentTQuantile } from './student-t.ts';
import { welchInterval } from './welch.ts';

const a = [27.5, 21, 19, 23.6, 17, 17.9];
const b = [27.1, 22, 20.8, 23.4, 23.4, 23.5];

test('Welch’s formula', () => {
  // By hand: means 21 and 23.3667, variances 15.724 and 4.48267, 7.63656 degrees of freedom.
  const half = studentTQuantile(0.975, 7.636562144144419) * Math.sqrt((15.724 + 4.482666667) / 6);
  const { center, lo, hi } = welchInterval(a, b, 0.95);
  expect(center).toBeCloseTo(23.3666667 - 21, 6);
  expect(hi - center).toBeCloseTo(half, 6);
  expect(center - lo).toBeCloseTo(half, 6);
});

test('the order of the samples turns the sign, nothing else', () => {
  const [one, other] = [welchInterval(a, b, 0.95), welchInterval(b, a, 0.95)];
  expect(other.center).toBeCloseTo(-one.center, 12);
  expect(other.lo).toBeCloseTo(-one.hi, 12);
  expect(other.hi).toBeCloseTo(-one.lo, 12);
});

test('equal values have no doubt, and what is too little is refused', () => {
  expect(welchInterval([2, 2], [3, 3, 3], 0.95)).toEqual({ center: 1, lo: 1, hi: 1 });
  expect(() => welchInterval([1], [1, 2], 0.95)).toThrow(RangeError);
  expect(() => welchInterval([1, 2], [1, Number.NaN], 0.95)).toThrow(RangeError);
});
