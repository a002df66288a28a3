import { expect, test } from 'vitest';
import { aloneEffect } from './alone-effect.ts';

const pairs = (...ratios: number[]) => ratios.map((ratio) => ({ without: 200, with: 200 * ratio }));

test('the trimmed mean of the log-ratios with Student’s t', () => {
  const ratios = [1.04, 1.06, 1.05, 9, 0.1, 1.05];
  // One of six is left out at each end, and stands there as its neighbour.
  const kept = [1.04, 1.05, 1.05, 1.06].map(Math.log);
  const mean = kept.reduce((a, b) => a + b) / 4;
  const logs = [1.04, 1.04, 1.05, 1.05, 1.06, 1.06].map(Math.log);
  const middle = logs.reduce((a, b) => a + b) / 6;
  const sd = Math.sqrt(logs.reduce((sum, log) => sum + (log - middle) ** 2, 0) / 5);
  const half = (3.182446305 * sd) / (1 - 2 / 6) / Math.sqrt(6);
  const effect = aloneEffect(pairs(...ratios));
  expect(effect?.pairs).toBe(6);
  expect(effect?.ratio).toBeCloseTo(Math.exp(mean), 4);
  expect(effect?.lo).toBeCloseTo(Math.exp(mean - half), 4);
  expect(effect?.hi).toBeCloseTo(Math.exp(mean + half), 4);
});

test('a pair without a value is none, and five pairs are too few', () => {
  const six = pairs(1.1, 1.1, 1.1, 1.1, 1.1, 1.1);
  expect(aloneEffect([...six, { without: null, with: 3 }])).toEqual({
    ...{ ratio: 1.1, lo: 1.1, hi: 1.1, pairs: 6 },
  });
  expect(aloneEffect([...six.slice(1), { without: 200, with: null }])).toBeNull();
  expect(aloneEffect([...six.slice(1), { without: 0, with: 200 }])).toBeNull();
});

test('counts that may be nothing are compared as 1 + count', () => {
  const leak = Array.from({ length: 6 }, () => ({ without: 0, with: 2 }));
  expect(aloneEffect(leak, 1)?.ratio).toBe(3);
});
