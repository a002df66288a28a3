import { expect, test } from 'vitest';
import { ratiosOf } from './ratios.ts';
import { pairOf } from './testing/pair.ts';

const ratios = (values: readonly number[]) =>
  ratiosOf(
    values.map((value) => pairOf({ with: { cpuPerRequestNs: 1_000 * value } })),
    'cpuPerRequestNs',
  );

test('median, least and most of the paired ratios', () => {
  expect(ratios([1.2, 1.1, 1.4])).toEqual({ median: 1.2, least: 1.1, most: 1.4, bounds: null });
  expect(ratios([]).median).toBeNull();
});

test('bounds by the sign test: none below five pairs, then the outermost, then those within', () => {
  expect(ratios([1, 2, 3, 4]).bounds).toBeNull();
  expect(ratios([5, 1, 2, 3, 4]).bounds).toEqual({ lo: 1, hi: 5 });
  expect(ratios([1, 2, 3, 4, 5, 6, 7]).bounds).toEqual({ lo: 1, hi: 7 });
  // Of eight, one outlier on each side is forgiven: 9 / 256 ≤ 5 %.
  expect(ratios([8, 1, 2, 3, 4, 5, 6, 7]).bounds).toEqual({ lo: 2, hi: 7 });
});

test('a pair without the figure, or with nothing to divide by, has no ratio', () => {
  const pairs = [
    pairOf({ with: { p99Ns: 300 }, without: { p99Ns: 200 } }),
    pairOf({ with: { p99Ns: null } }),
    pairOf({ without: { p99Ns: 0 } }),
  ];
  expect(ratiosOf(pairs, 'p99Ns')).toMatchObject({ median: 1.5, least: 1.5, most: 1.5 });
});
