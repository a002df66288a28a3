import { expect, test } from 'vitest';
import { loadMatrices } from './load-description.ts';
import { expectedRoundMs, isObserved, makeMatrixPlan } from './plan.ts';
import { expectedMs, remainingMs, stepsOf } from './steps.ts';

const matrices = await loadMatrices('io_uring_matrix');
const options = { seed: '7', quick: false, full: false };
const plans = matrices.map((matrix) => makeMatrixPlan(matrix, options));

test('equal seeds give equal plans, others other orders', () => {
  expect(matrices.map((matrix) => makeMatrixPlan(matrix, options))).toEqual(plans);
  const others = matrices.map((matrix) => makeMatrixPlan(matrix, { ...options, seed: '8' }));
  expect(others).not.toEqual(plans);
});

test('a round has every server once, the A/A pair among them, and at least five rounds are planned', () => {
  for (const plan of plans) {
    const { reference, control, servers } = plan.description;
    for (const group of plan.groups) {
      const takesPart = Object.keys(servers).filter(
        (name) => servers[name]?.only?.includes(group.condition) ?? true,
      );
      for (const stage of ['saturation', 'open'] as const) {
        expect(group[stage].length).toBeGreaterThanOrEqual(5);
        for (const { order } of group[stage]) {
          expect(order.toSorted()).toEqual(takesPart.toSorted());
          expect(order).toEqual(expect.arrayContaining([reference, control]));
        }
      }
      const orders = group.open.map(({ order }) => order.join());
      expect(new Set(orders).size).toBeGreaterThan(1);
    }
  }
});

test('64 and 10,000 connections at 50 and 75 %; 25 and 90 % with full', () => {
  for (const [index, plan] of plans.entries()) {
    expect(new Set(plan.groups.map(({ connections }) => connections))).toEqual(
      new Set([64, 10_000]),
    );
    expect(plan.percents).toEqual([50, 75]);
    const [matrix] = matrices.slice(index);
    const full = matrix && makeMatrixPlan(matrix, { ...options, full: true });
    expect(full?.percents).toEqual([25, 50, 75, 90]);
  }
});

test('all of it takes an hour at most, by its estimate', () => {
  const steps = stepsOf({ plans, untestable: {} });
  const minutes = expectedMs({ untestable: {} }, steps) / 60_000;
  expect(minutes).toBeGreaterThan(1);
  expect(minutes).toBeLessThanOrEqual(60);
});

test('groups and servers that cannot be tested take no time', () => {
  const [plan] = plans;
  const group = plan?.groups[0];
  const planned = group?.open[0];
  if (plan === undefined || group === undefined || planned === undefined) {
    throw new Error('the matrix has no round');
  }
  const one = expectedRoundMs(plan, { group, stage: 'open', planned }, (name) => name === 'epoll');
  const all = expectedRoundMs(plan, { group, stage: 'open', planned });
  expect(all).toBeCloseTo(one * planned.order.length);
  const untestable = { [`${plan.id}/hot-10000`]: { reason: '', remedy: '' } };
  const left = stepsOf({ plans, untestable });
  expect(
    left.some(
      (step) =>
        step.group.connections === 10_000 && step.plan === plan && step.group.condition === 'hot',
    ),
  ).toBe(false);
});

test('time left follows how the rounds before kept to theirs', () => {
  const steps = stepsOf({ plans, untestable: {} });
  const [done, left] = [steps.slice(0, 3), steps.slice(3)];
  const planned = expectedMs({ untestable: {} }, done);
  const remaining = (tookMs: number) => remainingMs({ untestable: {} }, { done, left, tookMs });
  expect(remaining(2 * planned)).toBeCloseTo(2 * remaining(planned));
  const none = remainingMs({ untestable: {} }, { done: [], left: steps, tookMs: 1 });
  expect(none).toBe(expectedMs({ untestable: {} }, steps));
});

test('the last rounds are observed', () => {
  const rounds = { count: 5, observedCount: 2, warmupMs: 1, saturationMs: 1, openMs: 1 };
  expect([1, 2, 3, 4, 5].filter((round) => isObserved(rounds, round))).toEqual([4, 5]);
});
