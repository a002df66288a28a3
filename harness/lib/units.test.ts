import { expect, test } from 'vitest';
import {
  formatBounds,
  formatCount,
  formatDuration,
  formatInteger,
  formatInterval,
  formatNs,
  formatRate,
  formatRatio,
  formatShare,
  noValue,
  significant,
} from './units.ts';

test.each([
  [0, '0 ns'],
  [1, '1.00 ns'],
  [0.25, '0.250 ns'],
  [999, '999 ns'],
  [999.6, '1.00 µs'],
  [61_234, '61.2 µs'],
  [999_499, '999 µs'],
  [999_960, '1.00 ms'],
  [1_250_000, '1.25 ms'],
  [42_100_000_000, '42.1 s'],
  [12_345_000_000_000, '12,300 s'],
  [null, noValue],
  [Number.NaN, noValue],
  [Number.POSITIVE_INFINITY, noValue],
])('%s ns is printed as %s', (ns, text) => {
  expect(formatNs(ns)).toBe(text);
});

test('an interval over more than two decades is not printed as if it said something', () => {
  expect(formatRatio({ center: 1.1, lo: 0.00002, hi: 44_700 })).toBe('×1.10 [wider than ×100]');
});

test('counts and rates keep three significant digits', () => {
  expect([0, 2, 2.0404, 12_345, 1_500_000].map(formatCount)).toEqual([
    '0',
    '2.00',
    '2.04',
    '12.3 k',
    '1.50 M',
  ]);
  expect([0, 250, 4000, 25_730].map(formatRate)).toEqual(['0/s', '250/s', '4.00 k/s', '25.7 k/s']);
});

test('an interval is printed in the unit of its centre', () => {
  const interval = { center: 1_010_000, lo: 998_000, hi: 1_026_000 };
  expect(formatInterval(interval, 'ns')).toBe('1.01 ms [0.998, 1.03]');
  expect(formatBounds(interval, 'ns')).toBe('[0.998, 1.03]');
  expect(formatInterval({ center: 2, lo: null, hi: null }, 'count')).toBe('2.00');
  expect(formatInterval(null, 'ns')).toBe(noValue);
});

test('ratios and shares say when there is nothing to print', () => {
  expect(formatRatio({ center: 1.312, lo: 1.279, hi: 1.351 })).toBe('×1.31 [1.28, 1.35]');
  expect(formatRatio({ center: 0.9871, lo: null, hi: null })).toBe('×0.987');
  expect(formatRatio({ center: Number.NaN, lo: null, hi: null })).toBe(noValue);
  expect(formatRatio(null)).toBe(noValue);
  expect(formatShare(1, 8)).toBe('12.5 %');
  expect(formatShare(0, 8)).toBe('0 %');
  expect(formatShare(0, 0)).toBe(noValue);
});

test('significant digits survive rounding up a decade and very small values', () => {
  expect([99.96, 9.996, 0.004121, -61.25, 123_456].map(significant)).toEqual([
    '100',
    '10.0',
    '0.00412',
    '-61.3',
    '123,000',
  ]);
});

test('integers are grouped, durations are in the unit people think in', () => {
  expect([0, 999, 24_000, -1_234_567].map(formatInteger)).toEqual([
    '0',
    '999',
    '24,000',
    '-1,234,567',
  ]);
  expect([850e6, 42.1e9, 59.6e9, 200e9, 4000e9].map(formatDuration)).toEqual([
    '850 ms',
    '42.1 s',
    '1 min 0 s',
    '3 min 20 s',
    '66 min 40 s',
  ]);
});
