import { expect, test } from 'vitest';
import { harrellDavis } from './harrell-davis.ts';
import { normals } from './random.ts';

const few = {
  values: [1.2, 2.5, 3.7, 4.0, 5.1, 6.3, 7.0, 8.2, 9.4],
  counts: [1, 1, 1, 1, 1, 1, 1, 1, 1],
};
const binned = {
  values: [10, 11, 12.5, 14, 20, 35.5, 80],
  counts: [120, 340, 260, 0, 150, 29, 1],
};
/** A million values in 2,000 bins, the shape of a histogram of latencies. */
const large = {
  values: Float64Array.from({ length: 2_000 }, (_, i) => i),
  counts: Float64Array.from({ length: 2_000 }, (_, i) => (i * 7_919) % 1_001),
};

function expectNear(value: number, reference: number, error: number): void {
  expect(Math.abs(value / reference - 1)).toBeLessThanOrEqual(error);
}

// SciPy 1.17.1, scipy.stats.mstats.hdquantiles(values repeated by their counts, [probability]).
test.for([
  [few, 0.01, 1.2305932931351715],
  [few, 0.25, 3.1505820231763066],
  [few, 0.5, 5.194344084883956],
  [few, 0.9, 8.83426167581963],
  [few, 0.99, 9.371190423226246],
  [binned, 0.01, 10],
  [binned, 0.5, 11.37861060670233],
  [binned, 0.9, 20],
  [binned, 0.99, 35.500023128968586],
] as const)('of %j at %d', ([sample, probability, reference]) => {
  expectNear(harrellDavis(sample, probability), reference, 1e-13);
});

// The same from scipy.stats.beta.cdf at the edges of the bins; its own sums leave 2·10⁻¹⁴.
test.for([
  [0.5, 999.5924455450795],
  [0.99, 1980.9969112086353],
  [0.999, 1996.981784468004],
] as const)('of a million values at %d', ([probability, reference]) => {
  expectNear(harrellDavis(large, probability), reference, 1e-12);
});

test('bins and the values in them give the same', () => {
  const values = binned.values.flatMap((value, i) =>
    new Array<number>(binned.counts[i] ?? 0).fill(value),
  );
  const flat = { values, counts: values.map(() => 1) };
  for (const probability of [0.02, 0.5, 0.77, 0.99, 0.9999]) {
    const reference = harrellDavis(flat, probability);
    expectNear(harrellDavis(binned, probability), reference, 1e-12);
  }
});

test('grows with the probability, within the range of the values', () => {
  let before = 1.2;
  for (const probability of [1e-6, 0.01, 0.2, 0.5, 0.8, 0.99, 1 - 1e-6]) {
    const quantile = harrellDavis(few, probability);
    expect(quantile).toBeGreaterThanOrEqual(before);
    before = quantile;
  }
  expect(before).toBeLessThanOrEqual(9.4);
});

test('moves, stretches and mirrors with the values', () => {
  const values = few.values.map((value) => 20 - 2 * value).reverse();
  for (const probability of [0.1, 0.5, 0.95]) {
    const mirrored = harrellDavis({ ...few, values }, 1 - probability);
    expectNear(mirrored, 20 - 2 * harrellDavis(few, probability), 1e-13);
  }
});

test('one value, or equal ones, are their own quantile', () => {
  expect(harrellDavis({ values: [7], counts: [1] }, 0.99)).toBe(7);
  expectNear(harrellDavis({ values: [7, 7], counts: [30, 12] }, 0.5), 7, 1e-14);
});

test('varies less than the middle value of normal ones', () => {
  const normal = normals(4n);
  const trials = 1_000;
  let ours = 0;
  let plain = 0;
  for (let trial = 0; trial < trials; trial++) {
    const values = Array.from({ length: 41 }, () => normal()).sort((a, b) => a - b);
    ours += harrellDavis({ values, counts: values.map(() => 1) }, 0.5) ** 2;
    plain += (values[20] ?? Number.NaN) ** 2;
  }
  // By both of them over the same values, so that chance moves the ratio by little.
  expect(ours / plain).toBeLessThan(0.95);
  expect(ours / plain).toBeGreaterThan(0.75);
});

test('refuses what is no sample and no probability', () => {
  for (const probability of [0, 1, 99, Number.NaN]) {
    expect(() => harrellDavis(few, probability)).toThrow(`in (0, 1), got ${probability}`);
  }
  const of = (values: number[], counts: number[]) => () => harrellDavis({ values, counts }, 0.5);
  expect(of([1, 2], [1])).toThrow('got 2 values and 1 counts');
  expect(of([2, 1], [1, 1])).toThrow('finite and ascending, got 1 after 2');
  expect(of([1, Number.NaN], [1, 1])).toThrow('got NaN after 1');
  expect(of([1, Number.POSITIVE_INFINITY], [1, 1])).toThrow('got Infinity');
  expect(of([1, 2], [1, -1])).toThrow('not negative, got -1 of 2');
  expect(of([1, 2], [1, 0.5])).toThrow('got 0.5 of 2');
  expect(of([], [])).toThrow('1 to 10⁹ values, got 0');
  expect(of([1, 2], [0, 0])).toThrow('got 0');
  expect(of([1, 2], [1e9, 1])).toThrow('got 1000000001');
});
