import { expect, test } from 'vitest';
import { betaOdds, betaTails, incompleteBeta } from './beta.ts';

/** How far a value is from its reference, as a share of it. */
function gap(value: number, reference: number): number {
  return Math.abs(value - reference) / Math.abs(reference);
}

// SciPy 1.17.1: x, a, b, scipy.special.betainc(a, b, x), scipy.special.betaincc(a, b, x).
test.for([
  [0.5, 0.5, 0.5, 0.5, 0.5],
  [0.3, 2, 5, 0.579825, 0.420175],
  [0.9, 2, 5, 0.999945, 5.499999999999994e-5],
  [1e-10, 3, 4, 1.9999999995500004e-29, 1],
  [0.01, 0.5, 20, 0.4713699354850154, 0.5286300645149844],
  [0.001, 10, 90, 1.4368279415547705e-17, 1],
  [0.5, 10, 90, 1, 3.0265671284731364e-18],
  [0.98, 100.5, 0.5, 0.04415375414953708, 0.9558462458504629],
  [0.5, 1000, 1010, 0.588269827543728, 0.41173017245627247],
  [0.55, 10000, 10000, 1, 6.312654777748528e-46],
  [0.2, 0.05, 3, 0.9750891059953337, 0.024910894004666263],
] as const)('incomplete beta function at %d with shapes %d and %d', ([x, a, b, lower, upper]) => {
  const tails = betaTails({ x, y: 1 - x, a, b });
  expect(gap(tails.lower, lower)).toBeLessThan(1e-13);
  expect(gap(tails.upper, upper)).toBeLessThan(1e-13);
  expect(incompleteBeta(x, a, b)).toBe(tails.lower);
});

test('near the mean of large shapes no digit of the distance to it is lost', () => {
  // mpmath 1.4.1, the power series with 50 digits; SciPy's own is off by 2·10⁻¹³.
  const tails = betaTails({ x: 0.6, y: 0.4, a: 14_000, b: 6_000 });
  expect(gap(tails.lower, 3.07852779169561e-190)).toBeLessThan(1e-13);
});

test('equals what is known in closed form', () => {
  for (const x of [1e-200, 1e-9, 0.2, 0.5, 0.75]) {
    // I_x(a, 1) = xᵃ, 1 − I_x(1, b) = (1 − x)ᵇ, and the arcsine law.
    expect(gap(incompleteBeta(x, 1, 1), x)).toBeLessThan(1e-13);
    expect(gap(incompleteBeta(x, 1.5, 1), x ** 1.5)).toBeLessThan(2e-13);
    expect(gap(betaTails({ x, y: 1 - x, a: 1, b: 7 }).upper, (1 - x) ** 7)).toBeLessThan(1e-14);
    const arcsine = (2 / Math.PI) * Math.asin(Math.sqrt(x));
    expect(gap(incompleteBeta(x, 0.5, 0.5), arcsine)).toBeLessThan(1e-13);
  }
});

/** P(at least `events` of `trials`), summed; every term is positive, so that no digit is lost. */
function binomialTail(events: number, trials: number, share: number): number {
  let term = share ** events;
  for (let i = 0; i < events; i++) {
    term *= (trials - i) / (events - i);
  }
  let sum = 0;
  for (let k = events; k <= trials; k++) {
    sum += term * (1 - share) ** (trials - k);
    term *= ((trials - k) / (k + 1)) * share;
  }
  return sum;
}

test.for([
  [0, 1, 0.5],
  [3, 10, 0.01],
  [9, 40, 0.2],
  [40, 60, 0.3],
] as const)('is the binomial tail of more than %d of %d at %d', ([events, trials, share]) => {
  const exact = binomialTail(events + 1, trials, share);
  expect(gap(incompleteBeta(share, events + 1, trials - events), exact)).toBeLessThan(1e-13);
});

test('the complement of x counts where x itself is 1 in all its digits', () => {
  // 1 − I_x(1, b) = yᵇ with y = 10⁻³⁰.
  expect(gap(betaTails({ x: 1, y: 1e-30, a: 1, b: 3 }).upper, 1e-90)).toBeLessThan(1e-13);
});

test('mirrored shapes mirror the tails, and the function grows from 0 to 1', () => {
  for (const [a, b] of [[0.5, 3] as const, [20, 4] as const, [300, 300] as const]) {
    let before = 0;
    for (let x = 0; x <= 1; x += 1 / 64) {
      const { lower, upper } = betaTails({ x, y: 1 - x, a, b });
      const mirror = betaTails({ x: 1 - x, y: x, a: b, b: a });
      // At the mean itself either side may be the one that is 1 minus the other.
      expect(gap(mirror.upper + 1, lower + 1)).toBeLessThan(1e-14);
      expect(lower + upper).toBeCloseTo(1, 15);
      expect(lower).toBeGreaterThanOrEqual(before);
      before = lower;
    }
    expect(before).toBe(1);
  }
});

test.for([0.5, 1, 3.3, 50, 1e4])('odds and tails are inverse to each other, shape %d', (a) => {
  for (const b of [0.5, 1, 7, 300, 1e4]) {
    for (const probability of [1e-100, 1e-12, 0.001, 0.025, 0.3, 0.5]) {
      const odds = betaOdds({ lower: probability, upper: 1 - probability }, a, b);
      const { lower } = betaTails({ x: odds / (1 + odds), y: 1 / (1 + odds), a, b });
      expect(gap(lower, probability)).toBeLessThan(1e-12);
      const mirror = betaOdds({ lower: 1 - probability, upper: probability }, b, a);
      expect(gap(1 / mirror, odds)).toBeLessThan(1e-12);
    }
  }
});

test('the ends hold everything or nothing', () => {
  for (const shape of [0.01, 1, 77, 1e6]) {
    expect(betaTails({ x: 0, y: 1, a: shape, b: 2 })).toEqual({ lower: 0, upper: 1 });
    expect(betaTails({ x: 1, y: 0, a: 2, b: shape })).toEqual({ lower: 1, upper: 0 });
  }
});

test('odds beyond what a number can hold are 0', () => {
  // I_x(½, 1) = √x, so x would be 10⁻⁵⁰⁰.
  expect(betaOdds({ lower: 1e-250, upper: 1 }, 0.5, 1)).toBe(0);
});

test('refuses shapes, places and tails that are none', () => {
  for (const shape of [0, -1, 3e9, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => incompleteBeta(0.5, shape, 1)).toThrow(`got ${shape} and 1`);
    expect(() => betaOdds({ lower: 0.5, upper: 0.5 }, 1, shape)).toThrow(RangeError);
  }
  for (const x of [-0.1, 1.1, Number.NaN]) {
    expect(() => incompleteBeta(x, 2, 2)).toThrow(`wanted, got ${x}`);
  }
  expect(() => betaTails({ x: 0.5, y: 0.4, a: 1, b: 1 })).toThrow(RangeError);
  for (const lower of [0, 1, -0.5, Number.NaN]) {
    expect(() => betaOdds({ lower, upper: 1 - lower }, 1, 1)).toThrow('positive parts of 1');
  }
  expect(() => betaOdds({ lower: 0.5, upper: 0.4 }, 1, 1)).toThrow('got 0.5 and 0.4');
});
