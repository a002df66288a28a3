import { expect, test } from 'vitest';
import { normalCdf, normalQuantile, studentTQuantile } from './student-t.ts';

/** How far a value is from its reference, as a share of it. */
function gap(value: number, reference: number): number {
  return Math.abs(value - reference) / Math.abs(reference);
}

// SciPy 1.17.1, scipy.stats.t.ppf(probability, degrees).
test.for([
  [0.975, 1, 12.706204736174694],
  [0.975, 2, 4.302652729749462],
  [0.975, 7, 2.364624251592784],
  [0.975, 30, 2.0422724563012378],
  [0.975, 200, 1.9718962236339088],
  [0.995, 3, 5.840909309733355],
  [0.9999, 5, 9.677566300882814],
  [0.01, 7, -2.9979515668685286],
  [1e-6, 1, -318309.8861827435],
  [1e-6, 3, -103.29946778041935],
  [1e-6, 30, -5.871117120418882],
  [1e-9, 2, -22360.679741456875],
  [1e-9, 7, -38.70598064323161],
  [1e-9, 200, -6.286347426852264],
] as const)('t quantile of %d with %d degrees of freedom', ([probability, degrees, reference]) => {
  expect(gap(studentTQuantile(probability, degrees), reference)).toBeLessThan(1e-7);
});

// SciPy 1.17.1, scipy.stats.norm.ppf(probability).
test.for([
  [0.8413447460685429, 1],
  [0.975, 1.959963984540054],
  [0.01, -2.3263478740408408],
  [1e-6, -4.753424308822899],
  [1e-9, -5.9978070150076865],
  [1e-12, -7.034483825301131],
] as const)('normal quantile of %d', ([probability, reference]) => {
  expect(gap(normalQuantile(probability), reference)).toBeLessThan(1e-6);
});

// SciPy 1.17.1, scipy.stats.norm.cdf(value).
test.for([
  [-5, 2.866515718791933e-7],
  [-3, 0.0013498980316300933],
  [-1.96, 0.024997895148220435],
  [1, 0.8413447460685429],
  [3, 0.9986501019683699],
] as const)('normal distribution function at %d', ([value, reference]) => {
  expect(gap(normalCdf(value), reference)).toBeLessThan(1e-8);
});

// Beyond −6 only the absolute error stays small: SciPy gives 9.87e-10, 6.22e-16, 7.62e-24, 5.7e-300.
test.for([
  [-6, 9.865876450376946e-10],
  [-8, 6.22096057427174e-16],
  [-10, 7.61985302416047e-24],
  [-37, 5.7255712225239266e-300],
  [8, 0.9999999999999993],
] as const)('normal distribution function at %d, far out', ([value, reference]) => {
  const probability = normalCdf(value);
  expect(Math.abs(probability - reference)).toBeLessThan(2e-15);
  expect(probability).toBeGreaterThanOrEqual(0);
  expect(probability).toBeLessThanOrEqual(1);
});

test('both tails mirror each other and the middle is the middle', () => {
  expect(normalCdf(0)).toBe(0.5);
  expect(Math.abs(normalQuantile(0.5))).toBeLessThan(1e-15);
  for (const probability of [0.4, 0.1, 0.01, 1e-4]) {
    expect(normalQuantile(1 - probability)).toBeCloseTo(-normalQuantile(probability), 10);
    expect(studentTQuantile(1 - probability, 4)).toBeCloseTo(-studentTQuantile(probability, 4), 6);
    expect(normalCdf(normalQuantile(probability))).toBeCloseTo(probability, 10);
  }
});
