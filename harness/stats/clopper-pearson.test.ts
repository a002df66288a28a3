import { expect, test } from 'vitest';
import { clopperPearson, clopperPearsonLower, clopperPearsonUpper } from './clopper-pearson.ts';
import { randomIntegers } from './random.ts';
import { binomialSlack } from './testing/simulation.ts';

/** The confidence's own rounding reaches the bounds: 1 − 0.95 is off by 9·10⁻¹⁶ of itself. */
function expectBound(value: number, reference: number): void {
  expect(Math.abs(value - reference)).toBeLessThanOrEqual(1e-14 * reference);
}

// SciPy 1.17.1: events, trials, confidence, then the bounds of both sides and the two one-sided ones as
// scipy.stats.beta.ppf(tail, events, trials − events + 1) and beta.isf(tail, events + 1, trials − events).
// (binomtest(…).proportion_ci(…, 'exact') gives the same to 10⁻¹²; its root finder stops there.)
test.for([
  [0, 300, 0.95, 0, 0.01222097469429355, 0, 0.009936081944457708],
  [
    1, 300, 0.95, 8.438913231780051e-5, 0.018431252048067885, 0.00017096303211345737,
    0.01571455489158395,
  ],
  [4, 30, 0.95, 0.03755349633836333, 0.30721835027612676, 0.04685482691460069, 0.2796151658934821],
  [15, 30, 0.99, 0.26484683198381537, 0.7351531680161847, 0.28390493867556266, 0.7160950613244373],
  [30, 30, 0.95, 0.8842966917779722, 1, 0.9049661471446959, 1],
  [1, 1, 0.95, 0.025, 1, 0.05, 1],
  [0, 1, 0.9, 0, 0.95, 0, 0.9],
  [
    1983, 2000, 0.95, 0.9864254538002682, 0.9950408649782188, 0.9872774902365624,
    0.9945769105258584,
  ],
  [
    9500, 10000, 0.999, 0.9424332504163071, 0.956880721235391, 0.942908610944434,
    0.9564823696447928,
  ],
  [
    50, 1e6, 0.95, 3.7111184347986994e-5, 6.591824198810435e-5, 3.896492809647248e-5,
    6.328665364259592e-5,
  ],
] as const)('%d of %d at %d', ([events, trials, confidence, lo, hi, lower, upper]) => {
  const interval = clopperPearson(events, trials, confidence);
  expectBound(interval.lo, lo);
  expectBound(interval.hi, hi);
  expectBound(clopperPearsonLower(events, trials, confidence), lower);
  expectBound(clopperPearsonUpper(events, trials, confidence), upper);
});

test('none and all have closed forms, down to far confidences', () => {
  for (const trials of [1, 7, 300, 1e6]) {
    // 1 − tail^(1/n), where the tail is exact in binary.
    for (const confidence of [0.5, 0.9375, 1 - 2 ** -30]) {
      const bound = -Math.expm1(Math.log(1 - confidence) / trials);
      expectBound(clopperPearsonUpper(0, trials, confidence), bound);
      expectBound(clopperPearsonLower(trials, trials, confidence), 1 - bound);
    }
  }
});

test('events and their absence mirror each other; more events raise both bounds', () => {
  let before = { lo: -1, hi: -1 };
  for (let events = 0; events <= 40; events++) {
    const { lo, hi } = clopperPearson(events, 40, 0.95);
    const mirror = clopperPearson(40 - events, 40, 0.95);
    expect(mirror.hi).toBeCloseTo(1 - lo, 13);
    expect(lo).toBeLessThanOrEqual(events / 40);
    expect(hi).toBeGreaterThanOrEqual(events / 40);
    expect(lo).toBeGreaterThan(events === 0 ? -1 : before.lo);
    expect(hi).toBeGreaterThan(before.hi);
    before = { lo, hi };
  }
});

test('more trials or less confidence is narrower; one side is inside of two', () => {
  const base = clopperPearson(20, 100, 0.95);
  const longer = clopperPearson(200, 1000, 0.95);
  const looser = clopperPearson(20, 100, 0.9);
  for (const narrow of [longer, looser]) {
    expect(narrow.lo).toBeGreaterThan(base.lo);
    expect(narrow.hi).toBeLessThan(base.hi);
  }
  expect(clopperPearsonLower(20, 100, 0.95)).toBeCloseTo(looser.lo, 14);
  expect(clopperPearsonUpper(20, 100, 0.95)).toBeCloseTo(looser.hi, 14);
});

test.for([0.01, 0.07, 0.5])('covers at least 95 of 100 at a probability of %d', (share) => {
  const below = randomIntegers(BigInt(Math.round(share * 1000)));
  const trials = 2_000;
  let covered = 0;
  let bounded = 0;
  for (let trial = 0; trial < trials; trial++) {
    let events = 0;
    for (let i = 0; i < 60; i++) {
      events += below(2 ** 32) < share * 2 ** 32 ? 1 : 0;
    }
    const { lo, hi } = clopperPearson(events, 60, 0.95);
    covered += lo <= share && share <= hi ? 1 : 0;
    bounded += share <= clopperPearsonUpper(events, 60, 0.95) ? 1 : 0;
  }
  expect(covered / trials).toBeGreaterThan(0.95 - binomialSlack(0.95, trials));
  expect(bounded / trials).toBeGreaterThan(0.95 - binomialSlack(0.95, trials));
});

test('refuses counts and confidences that are none', () => {
  for (const bound of [clopperPearson, clopperPearsonLower, clopperPearsonUpper]) {
    for (const trials of [0, -1, 2.5, 1e10, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => bound(0, trials, 0.95)).toThrow(`in [1, 10⁹], got ${trials}`);
    }
    for (const events of [-1, 11, 0.5, Number.NaN]) {
      expect(() => bound(events, 10, 0.95)).toThrow(`have the event, got ${events}`);
    }
    for (const confidence of [0, 1, 95, Number.NaN]) {
      expect(() => bound(1, 10, confidence)).toThrow(`in (0, 1), got ${confidence}`);
    }
  }
});
