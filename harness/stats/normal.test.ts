import { expect, test } from 'vitest';
import { normalCdf, normalQuantile, normalUpperTail } from './normal.ts';

/** How far a value is from its reference, as a share of it. */
function gap(value: number, reference: number): number {
  return Math.abs(value - reference) / Math.abs(reference);
}

// SciPy 1.17.1, scipy.stats.norm.sf(value); from 6 on mpmath 1.4.1, erfc(value/√2)/2 with 50 digits,
// because SciPy's own are off by 4·10⁻¹⁵ at 6 and by 1.1·10⁻¹³ at 37.
test.for([
  [-5, 0.9999997133484281],
  [-1, 0.8413447460685429],
  [0, 0.5],
  [0.5, 0.3085375387259869],
  [1, 0.15865525393145707],
  [1.96, 0.024997895148220435],
  [3, 0.0013498980316300933],
  [6, 9.86587645037698e-10],
  [8, 6.220960574271784e-16],
  [10, 7.619853024160525e-24],
  [20, 2.7536241186062337e-89],
  [25.123, 1.3943982879132137e-139],
  [36.7, 3.651529302803418e-295],
  [37, 5.725571222524577e-300],
] as const)('normal upper tail at %d', ([value, reference]) => {
  expect(gap(normalUpperTail(value), reference)).toBeLessThan(2e-15);
  expect(normalCdf(-value)).toBe(normalUpperTail(value));
});

// SciPy 1.17.1, scipy.stats.norm.ppf(probability).
test.for([
  [0.8413447460685429, 1],
  [0.975, 1.959963984540054],
  [0.25, -0.6744897501960817],
  [0.025, -1.9599639845400545],
  [0.01, -2.3263478740408408],
  [1e-6, -4.753424308822899],
  [1e-9, -5.9978070150076865],
  [1e-12, -7.034483825301131],
  [1e-50, -14.933337534788487],
  [1e-300, -37.0470962993612],
] as const)('normal quantile of %d', ([probability, reference]) => {
  expect(gap(normalQuantile(probability), reference)).toBeLessThan(2e-15);
});

test('the middle keeps its digits: ½ − 2⁻⁴⁰ lies √(2π)·2⁻⁴⁰ below 0', () => {
  expect(normalQuantile(0.5)).toBe(0);
  expect(gap(normalQuantile(0.5 - 2 ** -40), -Math.sqrt(2 * Math.PI) * 2 ** -40)).toBeLessThan(
    2e-15,
  );
});

test('the two sides are each other’s mirror and complement', () => {
  for (const value of [0, 1e-9, 0.3, 0.99, 1, 2.5, 7]) {
    expect(normalCdf(value) + normalCdf(-value)).toBeCloseTo(1, 15);
  }
  // Probabilities of which 1 minus them is exact.
  for (const probability of [0.375, 0.25, 2 ** -10, 2 ** -40]) {
    expect(normalQuantile(1 - probability)).toBe(-normalQuantile(probability));
  }
});

test('falls all the way, also where the series gives over to the continued fraction', () => {
  const values = Array.from({ length: 4_000 }, (_, i) => i / 100 - 2);
  for (const value of values) {
    expect(normalUpperTail(value + 0.01)).toBeLessThanOrEqual(normalUpperTail(value));
  }
  const step = 2 ** -20;
  const slope = (normalUpperTail(1 - step) - normalUpperTail(1 + step)) / (2 * step);
  expect(gap(slope, Math.exp(-0.5) / Math.sqrt(2 * Math.PI))).toBeLessThan(1e-9);
});

test('quantile and tail are inverse to each other over 300 orders of magnitude', () => {
  for (let exponent = -300; exponent < 0; exponent += 7.3) {
    const probability = 10 ** exponent;
    const value = normalQuantile(probability);
    // The tail magnifies the last digit of its argument by the square of it.
    expect(gap(normalCdf(value), probability)).toBeLessThan(2e-16 * (8 + value * value));
  }
});

test('ends', () => {
  expect(normalUpperTail(Number.POSITIVE_INFINITY)).toBe(0);
  expect(normalUpperTail(Number.NEGATIVE_INFINITY)).toBe(1);
  expect(normalUpperTail(40)).toBe(0);
  expect(normalUpperTail(-40)).toBe(1);
  expect(normalQuantile(Number.MIN_VALUE)).toBeCloseTo(-38.4674, 3);
  expect(normalQuantile(1 - Number.EPSILON)).toBeLessThan(8.3);
});

test('refuses what is no number or no probability', () => {
  expect(() => normalUpperTail(Number.NaN)).toThrow(RangeError);
  expect(() => normalCdf(Number.NaN)).toThrow('got NaN');
  for (const probability of [0, 1, -0.1, 1.5, Number.NaN]) {
    expect(() => normalQuantile(probability)).toThrow(`in (0, 1), got ${probability}`);
  }
});
