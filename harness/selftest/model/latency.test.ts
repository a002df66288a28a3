import { expect, test } from 'vitest';
import { normalCdf, normalQuantile } from '../../stats/normal.ts';
import { mixture } from './latency.ts';
import { variates } from './variates.ts';

const spec = { bodySd: 0.45, tailIndex: 3 };
const p95 = 0.45 * normalQuantile(0.95);

function mixed(slices: readonly (readonly [slowness: number, stretch: number])[]) {
  const all = mixture(spec, 100);
  for (const [slowness, stretch] of slices) {
    all.add(slowness, stretch);
  }
  return all;
}

/** The model once more, without table or solver: share of one slice's latencies beyond e^z. */
function beyond(z: number, stretch: number): number {
  return z < p95 ? normalCdf(-z / 0.45) : 0.05 * Math.exp((-3 / stretch) * (z - p95));
}

test('one slice has the quantiles of its formula', () => {
  expect(mixed([[0, 1]]).quantile(0.5)).toBeCloseTo(0, 5);
  expect(mixed([[0.3, 1]]).quantile(0.5)).toBeCloseTo(0.3, 5);
  expect(mixed([[0, 1]]).quantile(0.05)).toBeCloseTo(p95, 5);
  expect(mixed([[0, 1]]).quantile(0.01)).toBeCloseTo(p95 + Math.log(5) / 3, 9);
  expect(mixed([[0, 2]]).quantile(0.01)).toBeCloseTo(p95 + (2 * Math.log(5)) / 3, 9);
  expect(mixed([[0, 2]]).quantile(0.2)).toBeCloseTo(0.45 * normalQuantile(0.8), 5);
});

test('any mixture exceeds its quantile as often as it should, gaps and far tails included', () => {
  const random = variates(1n);
  for (let round = 0; round < 300; round++) {
    const slices = Array.from({ length: 1 + Math.floor(40 * random.uniform()) }, () => {
      const far = random.uniform() < 0.1 ? 4 * random.uniform() : 0;
      return [0.2 * random.normal() + far, 1 + random.uniform()] as const;
    });
    for (const exceeding of [0.9, 0.5, 0.06, 0.05, 0.01, 0.0003]) {
      const at = mixed(slices).quantile(exceeding);
      const shares = slices.map(([slowness, stretch]) => beyond(at - slowness, stretch));
      const share = shares.reduce((sum, part) => sum + part, 0) / slices.length;
      expect(Math.abs(share / exceeding - 1)).toBeLessThan(1e-4);
    }
  }
});

test('slowness shifts quantiles, multiplies moments, and order does not matter', () => {
  const slices = [
    [0.1, 1.2],
    [1.5, 1],
    [-0.2, 1],
  ] as const;
  const one = mixed(slices);
  const other = mixed(
    slices.map(([slowness, stretch]) => [slowness + 0.7, stretch] as const).reverse(),
  );
  for (const exceeding of [0.5, 0.01]) {
    expect(other.quantile(exceeding)).toBeCloseTo(one.quantile(exceeding) + 0.7, 6);
  }
  const [a, b] = [one.moments(), other.moments()];
  expect(b.body / a.body).toBeCloseTo(Math.exp(0.7), 9);
  expect(b.tail / a.tail).toBeCloseTo(Math.exp(0.7), 9);
  expect(b.bodySquare / a.bodySquare).toBeCloseTo(Math.exp(1.4), 9);
  expect(b.tailSquare / a.tailSquare).toBeCloseTo(Math.exp(1.4), 9);
  expect(one.meanSlowness()).toBeCloseTo(1.4 / 3, 12);
});

test.for([1, 1.5, 2.5])(
  'moments are the integrals of the quantile function, tail stretched by %d',
  (stretch) => {
    const moments = mixed([[0, stretch]]).moments();
    const sum = { body: 0, tail: 0, bodySquare: 0, tailSquare: 0 };
    const steps = 100_000;
    for (let i = 0; i < steps; i++) {
      const share = (i + 0.5) / steps;
      const body = Math.exp(0.45 * normalQuantile(0.95 * share));
      // In the tail the steps are even in the logarithm, or its end would be missed.
      const ratio = 300 ** share;
      const weight = (0.05 * 3 * Math.log(300) * ratio ** (-3 / stretch)) / stretch / steps;
      const tail = Math.exp(p95) * ratio;
      sum.body += (0.95 * body) / steps;
      sum.bodySquare += (0.95 * body ** 2) / steps;
      sum.tail += weight * tail;
      sum.tailSquare += weight * tail ** 2;
    }
    // What would take longer than the time-out takes just that.
    const cut = 0.05 * 300 ** (-3 / stretch);
    sum.tail += cut * Math.exp(p95) * 300;
    sum.tailSquare += cut * (Math.exp(p95) * 300) ** 2;
    for (const key of ['body', 'tail', 'bodySquare', 'tailSquare'] as const) {
      expect(Math.abs(moments[key] / sum[key] - 1)).toBeLessThan(1e-3);
    }
  },
);

test('a window is forgotten when it is cleared', () => {
  const all = mixed([[3, 1]]);
  all.moments();
  all.clear();
  all.add(0, 1);
  expect(all.quantile(0.5)).toBeCloseTo(0, 5);
  expect(all.moments()).toEqual(mixed([[0, 1]]).moments());
});
