import { expect, test } from 'vitest';
import { maritzJarrett } from './maritz-jarrett.ts';
import { normals } from './random.ts';

const few = {
  values: [1.2, 2.5, 3.7, 4.0, 5.1, 6.3, 7.0, 8.2, 9.4],
  counts: [1, 1, 1, 1, 1, 1, 1, 1, 1],
};
const binned = {
  values: [10, 11, 12.5, 14, 20, 35.5, 80],
  counts: [120, 340, 260, 0, 150, 29, 1],
};
const large = {
  values: Float64Array.from({ length: 2_000 }, (_, i) => i),
  counts: Float64Array.from({ length: 2_000 }, (_, i) => (i * 7_919) % 1_001),
};

function expectNear(value: number, reference: number, error: number): void {
  expect(Math.abs(value / reference - 1)).toBeLessThanOrEqual(error);
}

// SciPy 1.17.1: weights w = diff(scipy.stats.beta.cdf(k/n, m, n − m + 1)), m = ⌊n·p + ½⌋ but at least 1, of the
// values repeated by their counts, then √(w·(x − w·x)²). Not mjci, whose shapes are m − 1 and n − m. Where
// differences of cdf lose digits, the last one, mpmath 1.4.1's betainc to 40 digits stands in.
test.for([
  [few, 0.01, 0.8939231208347488],
  [few, 0.25, 1.1457046356804024],
  [few, 0.5, 1.3174937310668928],
  [few, 0.9, 1.2083596862043933],
  [few, 0.99, 0.8838022468859532],
  [binned, 0.5, 0.6423335766608741],
  [binned, 0.99, 0.03919883461983038],
] as const)('of %j at %d', ([sample, probability, reference]) => {
  expectNear(maritzJarrett(sample, probability), reference, 1e-12);
});

// The same at the edges of a million values' bins, above the median from beta.sf.
test.for([
  [0.5, 2.1945054597129086],
  [0.99, 0.056048446285829424],
  [0.999, 0.14021074425227673],
] as const)('of a million values at %d', ([probability, reference]) => {
  expectNear(maritzJarrett(large, probability), reference, 1e-11);
});

test('stretches with the values and does not move with them', () => {
  for (const probability of [0.2, 0.5, 0.9]) {
    const values = few.values.map((value) => 3 * value + 1_000);
    const error = maritzJarrett({ ...few, values }, probability);
    expectNear(error, 3 * maritzJarrett(few, probability), 1e-12);
  }
});

test('mirrors with the values where the quantile is one of them', () => {
  // m = 3 of 9 from below and m = 7 from above.
  const values = few.values.map((value) => -value).reverse();
  expectNear(maritzJarrett({ ...few, values }, 7 / 9), maritzJarrett(few, 3 / 9), 1e-12);
});

test('a quantile within one wide bin has no error', () => {
  expect(maritzJarrett({ values: [5], counts: [100] }, 0.9)).toBe(0);
  expect(maritzJarrett(binned, 0.25)).toBeLessThan(1e-9);
});

test('more of the same is surer, by the root of how much more', () => {
  const fourfold = { ...binned, counts: binned.counts.map((count) => 4 * count) };
  const ratio = maritzJarrett(binned, 0.5) / maritzJarrett(fourfold, 0.5);
  expect(ratio).toBeGreaterThan(1.5);
  expect(ratio).toBeLessThan(2.5);
});

// Of 400 exponential values. The standard deviations follow from Rényi's sum: the mth smallest has the variance
// Σ 1/k² over k = n − m + 1 … n.
test.for([0.5, 0.9, 0.95])('is on average what the quantile really varies by, at %d', (p) => {
  const normal = normals(BigInt(Math.round(100 * p)));
  const n = 400;
  let variance = 0;
  for (let k = n - Math.floor(n * p + 0.5) + 1; k <= n; k++) {
    variance += 1 / k ** 2;
  }
  const trials = 250;
  let squares = 0;
  for (let trial = 0; trial < trials; trial++) {
    const values = Float64Array.from({ length: n }, () => (normal() ** 2 + normal() ** 2) / 2);
    squares += maritzJarrett({ values: values.sort(), counts: values.map(() => 1) }, p) ** 2;
  }
  // A single estimate of the variance is off by half and more; their mean by some percent.
  expect(squares / trials / variance).toBeGreaterThan(0.85);
  expect(squares / trials / variance).toBeLessThan(1.2);
});

test('refuses one value, and what is no sample and no probability', () => {
  expect(() => maritzJarrett({ values: [3], counts: [1] }, 0.5)).toThrow('at least 2 are needed');
  expect(() => maritzJarrett({ values: [3, 2], counts: [1, 1] }, 0.5)).toThrow('ascending');
  for (const probability of [0, 1, Number.NaN]) {
    expect(() => maritzJarrett(few, probability)).toThrow(`in (0, 1), got ${probability}`);
  }
});
