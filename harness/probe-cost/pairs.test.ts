import { expect, test } from 'vitest';
import { abba, pairsFor, pairsOf } from './pairs.ts';
import { pairOf } from './testing/pair.ts';

test('off on, on off: neither side is always first', () => {
  expect(abba(3)).toEqual([false, true, true, false, false, true]);
});

test('windows in that order become pairs again', () => {
  const windows = abba(3).map((watched, index) => ({
    ...pairOf({}).with,
    cpuPerRequestNs: watched ? 100 + index : index,
  }));
  const pairs = pairsOf(windows, { watch: 'full', load: 'saturated' });
  expect(pairs.map(({ pair }) => pair)).toEqual([1, 2, 3]);
  expect(pairs.every(({ watch, load }) => watch === 'full' && load === 'saturated')).toBe(true);
  expect(pairs.map((pair) => [pair.without.cpuPerRequestNs, pair.with.cpuPerRequestNs])).toEqual([
    [0, 101],
    [3, 102],
    [4, 105],
  ]);
});

test('what has a goal has pairs enough to decide it', () => {
  expect(pairsFor('set', false)).toEqual({ half: 8, saturated: 5 });
  expect(pairsFor('probe', false).half).toBeGreaterThanOrEqual(5);
  expect(pairsFor('set', true)).toEqual({ half: 2, saturated: 2 });
});
