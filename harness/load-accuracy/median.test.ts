import { expect, test } from 'vitest';
import { median } from './median.ts';

test('odd, even, one, none; the order does not matter and stays', () => {
  const values = [9, 1, 5];
  expect(median(values)).toBe(5);
  expect(values).toEqual([9, 1, 5]);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([-7])).toBe(-7);
  expect(median([])).toBeNull();
});
