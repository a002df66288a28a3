import { expect, test } from 'vitest';
import { mean, sd } from '../testing/spread.ts';
import { variates } from './variates.ts';

const n = 100_000;

test('equal seeds give equal streams, others do not', () => {
  const [a, b, c] = [variates(1n), variates(1n), variates(2n)];
  const draw = (from: typeof a) =>
    Array.from({ length: 20 }, () => [from.uniform(), from.normal()]);
  const first = draw(a);
  expect(draw(b)).toEqual(first);
  expect(draw(c)).not.toEqual(first);
});

test('normals have the moments of the standard normal distribution', () => {
  const random = variates(3n);
  const values = Array.from({ length: n }, () => random.normal());
  expect(Math.abs(mean(values))).toBeLessThan(3.9 / Math.sqrt(n));
  expect(Math.abs(sd(values) - 1)).toBeLessThan(3.9 / Math.sqrt(2 * n));
  expect(Math.abs(mean(values.map((v) => v ** 3)))).toBeLessThan(3.9 * Math.sqrt(15 / n));
  expect(Math.abs(mean(values.map((v) => v ** 4)) - 3)).toBeLessThan(3.9 * Math.sqrt(96 / n));
  const neighbours = values.slice(1).map((v, i) => v * (values[i] ?? Number.NaN));
  expect(Math.abs(mean(neighbours))).toBeLessThan(3.9 / Math.sqrt(n));
});

test('uniforms never reach 0 or 1 and are evenly spread', () => {
  const random = variates(4n);
  const values = Array.from({ length: n }, () => random.uniform());
  expect(Math.min(...values.slice(0, 50_000))).toBeGreaterThan(0);
  expect(Math.max(...values.slice(0, 50_000))).toBeLessThan(1);
  expect(Math.abs(mean(values) - 0.5)).toBeLessThan(3.9 / Math.sqrt(12 * n));
});
