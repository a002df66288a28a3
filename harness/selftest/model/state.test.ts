import { expect, test } from 'vitest';
import { correlation, mean, sd } from '../testing/spread.ts';
import { machineState, type StateSpec } from './state.ts';
import { variates } from './variates.ts';

const still: StateSpec = {
  drift: { sd: 0, correlationMs: 1_000 },
  level: { sd: 0, meanMs: 1_000 },
  conditions: [],
};

function states(spec: StateSpec, seeds = 2_000) {
  return Array.from({ length: seeds }, (_, seed) => machineState(spec, variates(BigInt(seed))));
}

test('a machine without any trouble is as fast as ever', () => {
  const state = machineState(still, variates(1n));
  state.leap(10_000);
  expect(state.slowness()).toBeCloseTo(0, 12);
  expect(state.tailStretch()).toBe(1);
});

test('drift has its SD from the first moment on, and forgets at its pace, by steps or in one leap', () => {
  const spec = { ...still, drift: { sd: 0.1, correlationMs: 500 } };
  const [stepping, leaping] = [states(spec), states(spec)];
  const before = stepping.map((state) => state.slowness());
  for (const state of stepping) {
    for (let i = 0; i < 10; i++) {
      state.step();
    }
  }
  for (const state of leaping) {
    state.leap(500);
  }
  const slack = 3.9 / Math.sqrt(2_000);
  for (const after of [stepping, leaping].map((all) => all.map((state) => state.slowness()))) {
    expect(Math.abs(sd(before) / 0.1 - 1)).toBeLessThan(slack);
    expect(Math.abs(sd(after) / 0.1 - 1)).toBeLessThan(slack);
    expect(Math.abs(correlation(before, after) - Math.exp(-1))).toBeLessThan(slack);
  }
});

test('a level stays, then jumps', () => {
  const all = states({ ...still, level: { sd: 0.2, meanMs: 1_000 } });
  const before = all.map((state) => state.slowness());
  for (const state of all) {
    state.leap(1_000);
  }
  const stayed = all.filter((state, i) => state.slowness() === before[i]).length / all.length;
  expect(Math.abs(stayed - Math.exp(-1))).toBeLessThan(3.9 * Math.sqrt(0.25 / 2_000));
  expect(Math.abs(sd(before) / 0.2 - 1)).toBeLessThan(3.9 / Math.sqrt(2_000));
});

test.for(['each-time', 'each-step'] as const)(
  'a condition drawn %s is on as often and as long as asked',
  (drawn) => {
    const condition = { share: 0.2, meanMs: 250, factor: [2, 8], drawn, tailStretch: 1.5 } as const;
    const state = machineState({ ...still, conditions: [condition] }, variates(7n));
    const steps = 100_000;
    let odd = 0;
    const seen = Array.from({ length: steps }, () => {
      state.step();
      const calm = Math.abs(state.slowness()) < 1e-12;
      odd += state.tailStretch() === (calm ? 1 : 1.5) ? 0 : 1;
      return state.slowness();
    });
    expect(odd).toBe(0);
    const on = seen.filter((value) => value > 0);
    // Neighbouring steps are much alike: 100,000 of them count as some 11,000.
    expect(Math.abs(on.length / steps - 0.2)).toBeLessThan(3.9 * Math.sqrt(0.16 / 11_000));
    expect(Math.min(...on)).toBeGreaterThanOrEqual(Math.log(2));
    expect(Math.max(...on)).toBeLessThanOrEqual(Math.log(8));
    expect(Math.abs(mean(on) - Math.log(4))).toBeLessThan(0.05);
    const goesOn = seen.filter((value, i) => value > 0 && value === seen[i - 1]).length / on.length;
    expect(Math.abs(goesOn - (drawn === 'each-time' ? Math.exp(-50 / 250) : 0))).toBeLessThan(0.02);
  },
);

test('a leap of an hour forgets whether the condition was on', () => {
  const condition = { share: 0.5, meanMs: 1_000, factor: [2, 4], drawn: 'each-time' } as const;
  const all = states({ ...still, conditions: [condition] });
  const before = all.map((state) => Number(state.slowness() > 0));
  for (const state of all) {
    state.leap(3_600_000);
  }
  const after = all.map((state) => Number(state.slowness() > 0));
  expect(Math.abs(mean(after) - 0.5)).toBeLessThan(3.9 * Math.sqrt(0.25 / 2_000));
  expect(Math.abs(correlation(before, after))).toBeLessThan(3.9 / Math.sqrt(2_000));
});

test('whether a condition is on is forgotten at the pace of both its times', () => {
  const seeds = 10_000;
  const condition = { share: 0.5, meanMs: 1_000, factor: [2, 4], drawn: 'each-time' } as const;
  const all = states({ ...still, conditions: [condition] }, seeds);
  const before = all.map((state) => Number(state.slowness() > 0.1));
  for (const state of all) {
    state.leap(1_000);
  }
  const after = all.map((state) => Number(state.slowness() > 0.1));
  // Rates of leaving add up: exp(−1 s · (1/s + 1/s)).
  expect(Math.abs(correlation(before, after) - Math.exp(-2))).toBeLessThan(3.9 / Math.sqrt(seeds));
});
