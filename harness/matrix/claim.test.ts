import { expect, test } from 'vitest';
import { judgeClaim } from './claim.ts';

const ratio = {
  quantity: 'qps-ratio',
  value: 2.1,
  holds: 'at-least',
  tolerancePercent: 5,
} as const;
const time = { quantity: 'p99', value: 187_000, holds: 'about', tolerancePercent: 25 } as const;
const seen = (center: number, lo: number | null, hi: number | null, n = 5) => {
  return { center, lo, hi, n };
};

test.for([
  ['the whole interval beyond the claim', seen(2.3, 2.2, 2.4), 'confirmed'],
  ['the claim’s own rounding is allowed', seen(2.05, 2.01, 2.1), 'confirmed'],
  ['the whole interval below it', seen(1.2, 1.1, 1.3), 'refuted'],
  ['the interval holds the end of what is allowed', seen(2.0, 1.8, 2.3), 'undecided'],
  ['one round', seen(5, null, null), 'undecided'],
] as const)('at least ×2.1: %s', ([, value, verdict]) => {
  expect(judgeClaim(ratio, value).verdict).toBe(verdict);
});

test.for([
  ['within the band', seen(180e3, 160e3, 200e3), 'confirmed'],
  ['far better is another number too', seen(60e3, 55e3, 70e3), 'refuted'],
  ['far worse', seen(900e3, 800e3, 1000e3), 'refuted'],
  ['over the end of the band', seen(230e3, 200e3, 260e3), 'undecided'],
] as const)('about 187 µs: %s', ([, value, verdict]) => {
  expect(judgeClaim(time, value).verdict).toBe(verdict);
});

test('at most: less is as true as equal', () => {
  const atMost = { ...time, holds: 'at-most', value: 92_000 } as const;
  expect(judgeClaim(atMost, seen(50e3, 40e3, 60e3)).verdict).toBe('confirmed');
  expect(judgeClaim(atMost, seen(150e3, 140e3, 160e3)).verdict).toBe('refuted');
});

test('a generator that was the limit for one side leaves a bound, for both sides nothing', () => {
  const limits = (of: boolean, to: boolean) => ({ generatorLimits: { of, to } });
  const low = seen(1.2, 1.1, 1.3);
  const high = seen(2.5, 2.4, 2.6);
  // The ring could do more than was asked of it: too little seen refutes nothing, enough confirms.
  expect(judgeClaim(ratio, low, limits(true, false)).verdict).toBe('undecided');
  expect(judgeClaim(ratio, high, limits(true, false)).verdict).toBe('confirmed');
  // The reference could: the ratio is at most what was seen.
  expect(judgeClaim(ratio, low, limits(false, true)).verdict).toBe('refuted');
  expect(judgeClaim(ratio, high, limits(false, true)).verdict).toBe('undecided');
  expect(judgeClaim(ratio, high, limits(true, true))).toEqual({
    verdict: 'not-testable-here',
    why: 'the load generator was the limit for both servers',
  });
});

test('what A/A differs by widens the interval, in whichever direction it went', () => {
  const close = seen(1.9, 1.85, 1.95);
  expect(judgeClaim(ratio, close).verdict).toBe('refuted');
  for (const controlShift of [Math.log(1.1), -Math.log(1.1)]) {
    const { verdict, why } = judgeClaim(ratio, close, { controlShift });
    expect(verdict).toBe('undecided');
    expect(why).toContain('widened by ×1.10, which A/A differs by');
  }
});

test('fewer than five rounds give no verdict, and say what it would be', () => {
  expect(judgeClaim(ratio, seen(1.2, 1.1, 1.3, 4))).toEqual({
    verdict: 'undecided',
    why: '4 of the 5 rounds that a verdict needs; so far it lies outside ×2.00 and more',
  });
});

test('of a ratio of times the bound lies on the other side: a busy generator sees times too long', () => {
  const times = { ...ratio, quantity: 'p99-ratio', value: 0.492, holds: 'at-most' } as const;
  const limits = (of: boolean, to: boolean) => ({ generatorLimits: { of, to } });
  const [low, high] = [seen(0.4, 0.35, 0.45), seen(0.65, 0.6, 0.7)];
  expect(judgeClaim(times, low, limits(true, false)).verdict).toBe('confirmed');
  expect(judgeClaim(times, high, limits(true, false)).verdict).toBe('undecided');
  expect(judgeClaim(times, low, limits(false, true)).verdict).toBe('undecided');
  expect(judgeClaim(times, high, limits(false, true)).verdict).toBe('refuted');
});

test('a time that holds the generator’s own lateness is at most what was seen', () => {
  expect(judgeClaim(time, seen(900e3, 800e3, 1000e3), { late: true }).verdict).toBe('undecided');
  expect(judgeClaim(time, seen(60e3, 55e3, 70e3), { late: true }).verdict).toBe('refuted');
});

test('without an A/A figure there is no verdict', () => {
  expect(judgeClaim(ratio, seen(1.2, 1.1, 1.3), { controlShift: null }).verdict).toBe('undecided');
});

test('a server that did not get its CPUs could do more: a bound, as with a busy generator', () => {
  const low = seen(1.2, 1.1, 1.3);
  const high = seen(2.5, 2.4, 2.6);
  expect(judgeClaim(ratio, low, { starved: { of: true } }).verdict).toBe('undecided');
  expect(judgeClaim(ratio, high, { starved: { of: true } }).verdict).toBe('confirmed');
  expect(judgeClaim(ratio, low, { starved: { to: true } }).verdict).toBe('refuted');
  expect(judgeClaim(ratio, high, { starved: { to: true } }).verdict).toBe('undecided');
  const both = judgeClaim(ratio, low, { starved: { of: true, to: true } });
  expect(both.verdict).toBe('undecided');
  expect(both.why).toContain('at least this: the server did not get its CPUs');
  expect(both.why).toContain('at most this: the other server did not get its CPUs');
});
