import { expect, test } from 'vitest';
import { formatNs } from '../lib/units.ts';
import {
  linearAxis,
  linearTicks,
  logAxis,
  logTicks,
  nines,
  ninesAxis,
  quantileLabel,
  valueAxis,
} from './chart.ts';

const labels = (ticks: { label: string }[]) => ticks.map((tick) => tick.label);

test('a log axis over decades has ticks at 1, 2, 3 and 5', () => {
  expect(labels(logTicks(4, 6, formatNs))).toEqual([
    '10.0 µs',
    '20.0 µs',
    '30.0 µs',
    '50.0 µs',
    '100 µs',
    '200 µs',
    '300 µs',
    '500 µs',
    '1.00 ms',
  ]);
});

test('a short log axis falls back to even steps, at their logarithms', () => {
  const ticks = logTicks(Math.log10(61_000), Math.log10(79_000), formatNs);
  expect(labels(ticks)).toEqual(['65.0 µs', '70.0 µs', '75.0 µs']);
  expect(ticks[1]?.at).toBeCloseTo(Math.log10(70_000), 8);
});

test('equal values still make an axis with a middle', () => {
  const axis = logAxis('x', [100, 100], formatNs);
  expect(axis.min).toBeLessThan(2);
  expect(axis.max).toBeGreaterThan(2);
  expect(linearAxis('x', [0, 0], String)).toMatchObject({ min: 0, max: 1 });
});

test('zero makes an axis linear', () => {
  expect(valueAxis('leaks', [0, 3], String).label).toBe('leaks');
  expect(valueAxis('leaks', [1, 3], String).label).toBe('leaks, log scale');
  expect(labels(linearTicks(0, 10, String))).toEqual(['0', '2', '4', '6', '8', '10']);
});

test('each nine is one step, and the axis ends at the last quantile', () => {
  expect([0, 0.9, 0.99, 0.9999].map(nines)).toEqual([-0, 1, 2, 4].map((n) => n + 0));
  expect(labels(ninesAxis('q', [0, 0.5, 0.999]).ticks)).toEqual([
    'min',
    'p50',
    'p75',
    'p90',
    'p99',
    'p99.9',
  ]);
  expect([0, 0.5, 0.9999, 1].map(quantileLabel)).toEqual(['min', 'p50', 'p99.99', 'max']);
});
