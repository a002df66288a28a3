import { expect, test } from 'vitest';
import { normalQuantile, normalUpperTail } from './normal.ts';
import { studentTQuantile, studentTUpperTail } from './student-t.ts';

/** How far a value is from its reference, as a share of it. */
function gap(value: number, reference: number): number {
  return Math.abs(value - reference) / Math.abs(reference);
}

// SciPy 1.17.1, scipy.stats.t.sf(value, degrees).
test.for([
  [0.5, 1, 0.35241638234956674],
  [3, 1, 0.10241638234956672],
  [1e6, 1, 3.1830988618368455e-7],
  [2, 2.5, 0.07869574787898295],
  [-2, 2.5, 0.9213042521210171],
  [7, 7, 0.00010577742597293623],
  [4, 19.3, 0.00037317341293838864],
  [6, 200, 4.557560174405173e-9],
  [7, 10000, 1.3620157803399156e-12],
  [30, 30, 3.125895815304445e-24],
  [100, 7, 1.3176489885215525e-12],
] as const)('t upper tail at %d with %d degrees of freedom', ([value, degrees, reference]) => {
  expect(gap(studentTUpperTail(value, degrees), reference)).toBeLessThan(1e-13);
});

// SciPy 1.17.1, scipy.stats.t.ppf(probability, degrees).
test.for([
  [0.975, 1, 12.706204736174694],
  [0.975, 2, 4.302652729749462],
  [0.975, 7, 2.364624251592784],
  [0.975, 30, 2.0422724563012378],
  [0.975, 200, 1.9718962236339088],
  [0.995, 3, 5.840909309733355],
  [0.9999, 5, 9.677566300882814],
  [0.3, 4.7, -0.5617670508497394],
  [0.01, 7, -2.9979515668685286],
  [0.025, 2.5, -3.5746548420036834],
  [1e-6, 1, -318309.8861827435],
  [1e-6, 3, -103.29946778041935],
  [1e-6, 30, -5.871117120418882],
  [1e-9, 2, -22360.679741456875],
  [1e-9, 7, -38.70598064323161],
  [1e-9, 200, -6.286347426852264],
  [1e-12, 1, -318309886183.7907],
  [1e-12, 19.3, -15.652016671477368],
  [1e-12, 10000, -7.0433716020557755],
] as const)('t quantile of %d with %d degrees of freedom', ([probability, degrees, reference]) => {
  expect(gap(studentTQuantile(probability, degrees), reference)).toBeLessThan(1e-13);
});

test('one and two degrees have closed forms', () => {
  for (const probability of [1e-100, 1e-12, 0.001, 0.2, 0.4, 0.5 - 2 ** -40]) {
    // tan π(p − ½), by its cotangent in the tail; and (2p − 1) / √(2p(1 − p)).
    const cauchy = -1 / Math.tan(Math.PI * probability);
    const exact = probability < 0.3 ? cauchy : Math.tan(Math.PI * (probability - 0.5));
    expect(gap(studentTQuantile(probability, 1), exact)).toBeLessThan(1e-13);
    const two = (2 * probability - 1) / Math.sqrt(2 * probability * (1 - probability));
    expect(gap(studentTQuantile(probability, 2), two)).toBeLessThan(1e-13);
  }
});

test('tends to the normal distribution with the degrees', () => {
  // The next term of the expansion in 1/ν is z(z² + 1)/4ν (Abramowitz, Stegun, 26.7.5).
  for (const probability of [0.025, 0.2, 0.4]) {
    const z = normalQuantile(probability);
    const expected = z + (z * (z * z + 1)) / (4 * 1e4);
    expect(gap(studentTQuantile(probability, 1e4), expected)).toBeLessThan(1e-7);
  }
  expect(gap(studentTUpperTail(3, 1e9), normalUpperTail(3))).toBeLessThan(1e-7);
});

test.for([1, 1.7, 5, 30, 333.3, 1e4])('tail and quantile are inverse, degrees %d', (degrees) => {
  let before = Number.NEGATIVE_INFINITY;
  for (const probability of [1e-100, 1e-12, 1e-5, 0.01, 0.24, 0.26, 0.4, 0.4999]) {
    const value = studentTQuantile(probability, degrees);
    expect(gap(studentTUpperTail(-value, degrees), probability)).toBeLessThan(1e-12);
    expect(value).toBeGreaterThan(before);
    before = value;
  }
});

test('both sides mirror each other and the middle is the middle', () => {
  for (const degrees of [0.5, 1, 4, 77.7]) {
    expect(studentTQuantile(0.5, degrees)).toBe(0);
    expect(studentTUpperTail(0, degrees)).toBe(0.5);
    for (const probability of [0.375, 0.25, 2 ** -10, 2 ** -30]) {
      const low = studentTQuantile(probability, degrees);
      expect(studentTQuantile(1 - probability, degrees)).toBe(-low);
      expect(studentTUpperTail(low, degrees)).toBe(1 - studentTUpperTail(-low, degrees));
    }
  }
});

test('ends', () => {
  expect(studentTUpperTail(Number.POSITIVE_INFINITY, 3)).toBe(0);
  expect(studentTUpperTail(Number.NEGATIVE_INFINITY, 3)).toBe(1);
  expect(studentTUpperTail(1e-200, 3)).toBe(0.5);
  expect(studentTQuantile(1e-300, 1)).toBe(Number.NEGATIVE_INFINITY);
});

test('refuses what is no number, no probability or no degrees', () => {
  expect(() => studentTUpperTail(Number.NaN, 3)).toThrow('needs a number, got NaN');
  for (const probability of [0, 1, -0.1, 1.5, Number.NaN]) {
    expect(() => studentTQuantile(probability, 3)).toThrow(`in (0, 1), got ${probability}`);
  }
  for (const degrees of [0, -1, 1e10, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => studentTQuantile(0.1, degrees)).toThrow(`in (0, 10⁹], got ${degrees}`);
    expect(() => studentTUpperTail(1, degrees)).toThrow(RangeError);
  }
});
