import { expect, test } from 'vitest';
import { advance, densityAt, mirrored, start, upperTail } from './continuing-runs.ts';

/** How far a value is from its reference, as a share of it. */
function gap(value: number, reference: number): number {
  return Math.abs(value / reference - 1);
}

const share = (mass: Float64Array) => mass.reduce((sum, value) => sum + value, 0);

test('without bounds the statistic stays normal, down to its far tails', () => {
  let runs = start();
  const times = [0.2, 0.23, 0.6, 0.61, 0.8, 1];
  for (const [k, information] of times.slice(0, -1).entries()) {
    const next = times[k + 1] ?? 1;
    runs = advance(runs, { information, next, drift: 0, from: -Infinity, to: Infinity });
    expect(gap(share(runs.mass), 1)).toBeLessThan(1e-13);
  }
  const end = { information: 1, drift: 0 };
  // SciPy 1.17.1, scipy.stats.norm.sf and norm.pdf.
  expect(gap(upperTail(runs, end, 2), 0.02275013194817921)).toBeLessThan(1e-12);
  expect(gap(upperTail(runs, end, 6.5), 4.0160005838590874e-11)).toBeLessThan(1e-12);
  expect(gap(upperTail(runs, end, 9), 1.1285884059538324e-19)).toBeLessThan(1e-12);
  expect(gap(densityAt(runs, end, 3), 0.0044318484119380075)).toBeLessThan(1e-12);
});

test('a step much shorter than the one before it is integrated as well', () => {
  const look = { information: 0.6, next: 0.601, drift: 0 };
  const runs = advance(start(), { ...look, from: -Infinity, to: Infinity });
  const next = { information: 0.601, drift: 0 };
  expect(gap(upperTail(runs, next, 6.5), 4.016000583859088e-11)).toBeLessThan(1e-12);
  expect(gap(densityAt(runs, next, 3), 0.0044318484119380075)).toBeLessThan(1e-12);
});

test('the drift moves the mean of z by drift · √information', () => {
  let runs = start();
  runs = advance(runs, { information: 0.3, next: 0.64, drift: 5, from: -Infinity, to: Infinity });
  expect(upperTail(runs, { information: 0.64, drift: 5 }, 4)).toBeCloseTo(0.5, 13);
});

test('what goes on and what passes a bound add up', () => {
  const first = { information: 0.4, drift: 1.2 };
  const runs = advance(start(), { ...first, next: 1, from: -1, to: 2 });
  const above = upperTail(start(), first, 2);
  const below = upperTail(mirrored(start()), { ...first, drift: -1.2 }, 1);
  expect(share(runs.mass) + above + below).toBeCloseTo(1, 13);
});

test('mirrored runs have the mirrored tails', () => {
  const look = { information: 0.5, next: 1, drift: 0.7 };
  const runs = advance(start(), { ...look, from: -1, to: 2 });
  const opposite = advance(start(), { ...look, drift: -0.7, from: -2, to: 1 });
  const end = { information: 1, drift: -0.7 };
  expect(upperTail(mirrored(runs), end, 2.5)).toBeCloseTo(upperTail(opposite, end, 2.5), 14);
});

test('a bound that no run passes, and bounds that no run goes on between', () => {
  expect(upperTail(start(), { information: 1, drift: 0 }, Infinity)).toBe(0);
  const runs = advance(start(), { information: 0.5, next: 1, drift: 0, from: 2, to: 1 });
  expect(upperTail(runs, { information: 1, drift: 0 }, 0)).toBe(0);
});
