import { expect, test } from 'vitest';
import { hodgesLehmann } from './hodges-lehmann.ts';
import { locationInterval } from './location-interval.ts';
import { normals } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';

const options = { confidence: 0.95, seed: 5n };

test('the centre is Hodges–Lehmann’s and the seed decides the bounds', () => {
  for (const values of [
    [0.1, -0.2, 0.05],
    [0.1, -0.2, 0.05, 0.3, 0.12, -0.04, 0.2],
  ]) {
    const interval = locationInterval(values, options);
    expect(interval.center).toBe(hodgesLehmann(values));
    expect(locationInterval(values, options)).toEqual(interval);
  }
});

test('under 6 values it is never narrower than Student’s t interval', () => {
  // mean 10.05, s = 0.288675, t(0.975, 3) = 3.182446: 10.05 ± 0.459347.
  const { lo, hi } = locationInterval([10, 10.4, 9.7, 10.1], options);
  expect(lo).toBeLessThanOrEqual(10.05 - 0.459346);
  expect(hi).toBeGreaterThanOrEqual(10.05 + 0.459346);
});

test('one wild round of nine moves the centre by less than the spread of the others', () => {
  const quiet = [1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99];
  const shift = locationInterval([...quiet, 50], options).center - hodgesLehmann(quiet);
  expect(Math.abs(shift)).toBeLessThan(0.04);
});

/** Share of trials whose interval holds the true centre 0. */
function coverage(n: number, trials: number, draw: () => number): number {
  let covered = 0;
  for (let trial = 0; trial < trials; trial++) {
    const sample = Array.from({ length: n }, draw);
    const { lo, hi } = locationInterval(sample, {
      confidence: 0.95,
      seed: BigInt(trial),
      resamples: 250,
    });
    covered += lo <= 0 && 0 <= hi ? 1 : 0;
  }
  return covered / trials;
}

test.for([2, 3, 5, 8, 12])('covers 93 to 99 of 100 with %d normal values', (n) => {
  const trials = 500;
  const covered = coverage(n, trials, normals(BigInt(n)));
  // Within chance of the 93 % to 99 % that the design asks of every printed 95 % interval.
  expect(covered).toBeGreaterThan(0.93 - binomialSlack(0.93, trials));
  expect(covered).toBeLessThan(0.99 + binomialSlack(0.99, trials));
});

test('covers with 8 rounds of which one in ten is a burst', () => {
  const normal = normals(77n);
  const bursty = () => normal() * (Math.abs(normal()) > 1.645 ? 6 : 1);
  const trials = 500;
  expect(coverage(8, trials, bursty)).toBeGreaterThan(0.93 - binomialSlack(0.93, trials));
});
