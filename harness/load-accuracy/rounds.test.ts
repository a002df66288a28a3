import { expect, test } from 'vitest';
import { shuffled } from './rounds.ts';

test('the seed gives the order, and every item stays', () => {
  const items = Array.from({ length: 10 }, (_, index) => index);
  expect(shuffled(items, '7 1 lag')).toEqual(shuffled(items, '7 1 lag'));
  expect(shuffled(items, '7 1 lag')).not.toEqual(shuffled(items, '7 2 lag'));
  expect(shuffled(items, '7 1 lag').toSorted((a, b) => a - b)).toEqual(items);
  expect(shuffled([], '7')).toEqual([]);
});

test('every place is as likely as any other', () => {
  const first = Array.from(
    { length: 4_000 },
    (_, round) => shuffled([0, 1, 2, 3], `7 ${round}`)[0],
  );
  for (const item of [0, 1, 2, 3]) {
    // 1,000 expected; 6 standard deviations are 164.
    expect(Math.abs(first.filter((each) => each === item).length - 1_000)).toBeLessThan(164);
  }
});
