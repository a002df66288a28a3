import { expect, test } from 'vitest';
import { makeScenario } from '../test/evidence.ts';
import { budgetOf, chooseOverride, overridden } from './budget.ts';
import { budgetErrors } from './budget-errors.ts';
import type { BudgetOverride, Scenario } from './scenario.ts';

const general: BudgetOverride = {
  ...{ branch: 'topic', metric: 'latency-p99', fail: 80_000_000 },
  ...{ reason: 'the pool is being rewritten', expires: '2026-11-22' },
};
const special: BudgetOverride = { ...general, variant: 'io_uring', fail: 90_000_000 };
const place = { branch: 'topic', startedAt: '2026-11-22T18:00:00.000Z' };
const choose = (
  overrides: BudgetOverride[],
  variant = 'io_uring',
  at: Parameters<typeof chooseOverride>[2] = place,
) => chooseOverride({ budgetOverrides: overrides }, { variant, metric: 'latency-p99' }, at);

test('a number is the fail level, and a gate may have no budget', () => {
  expect(budgetOf({ maxNs: 5 })).toEqual({ fail: 5 });
  expect(budgetOf({ maxCount: { warn: 1, fail: 2 } })).toEqual({ warn: 1, fail: 2 });
  expect(budgetOf({ regressionLimitPercent: 5 })).toBeNull();
});

test('an override replaces the levels that it names', () => {
  expect(overridden({ warn: 1, fail: 2 }, { ...general, fail: 3 })).toEqual({ warn: 1, fail: 3 });
});

test('the override of the variant counts before one for all, in any order', () => {
  for (const both of [
    [general, special],
    [special, general],
  ]) {
    expect(choose(both).applied).toBe(special);
    expect(choose(both, 'epoll').applied).toBe(general);
  }
});

test('another branch, metric or an unknown branch: no override', () => {
  const nothing = { applied: null, expired: [] };
  expect(choose([{ ...general, branch: 'main' }])).toEqual(nothing);
  expect(choose([{ ...general, metric: 'latency-p50' }])).toEqual(nothing);
  expect(choose([general], 'epoll', { startedAt: place.startedAt })).toEqual(nothing);
});

test('the last day counts in full; afterwards the next one that is alive does', () => {
  const lastMoment = { ...place, startedAt: '2026-11-22T23:59:59.999Z' };
  expect(choose([general], 'epoll', lastMoment).applied).toBe(general);
  const dayAfter = { ...place, startedAt: '2026-11-23T00:00:00.000Z' };
  expect(choose([general], 'epoll', dayAfter)).toEqual({ applied: null, expired: [general] });
  const longer = { ...general, expires: '2026-12-31' };
  expect(choose([special, longer], 'io_uring', dayAfter)).toEqual({
    ...{ applied: longer, expired: [special] },
  });
});

const errorsOf = (changes: Partial<Scenario>) => [...budgetErrors(makeScenario(changes))];
const errorsOfOverride = (changes: Partial<BudgetOverride>) =>
  errorsOf({ budgetOverrides: [{ ...general, ...changes }] });

test('a warn level must be stricter than the fail level', () => {
  expect(errorsOf({ gates: { 'latency-p50': { maxNs: { warn: 1, fail: 2 } } } })).toEqual([]);
  for (const warn of [2, 3]) {
    expect(errorsOf({ gates: { 'latency-p50': { maxNs: { warn, fail: 2 } } } })).toEqual([
      `/gates/latency-p50: "warn": ${warn} seen with "fail": 2; lower is better, allowed: a warn level lower than the fail level`,
    ]);
  }
});

test.for<[changes: Partial<BudgetOverride>, problem: string]>([
  [{ variant: 'kqueue' }, '/budgetOverrides/0/variant: "kqueue" seen, allowed: epoll, io_uring'],
  [
    { metric: 'latency-p95' },
    '/budgetOverrides/0/metric: "latency-p95" seen, allowed: latency-p50, latency-p99',
  ],
  // There is such a metric, and no budget of it.
  [
    { metric: 'cpu-per-request' },
    '/budgetOverrides/0/metric: "cpu-per-request" seen, allowed: latency-p50, latency-p99',
  ],
  [
    { expires: '2026-02-30' },
    '/budgetOverrides/0/expires: "2026-02-30" seen, allowed: a day of the calendar as YYYY-MM-DD',
  ],
  [
    { reason: '     flaky     ' },
    '/budgetOverrides/0/reason: "     flaky     " seen, allowed: 10 characters or more',
  ],
  [
    { warn: 90_000_000 },
    '/budgetOverrides/0: together with /gates/latency-p99: "warn": 90000000 seen with "fail": 80000000; lower is better, allowed: a warn level lower than the fail level',
  ],
])('an override that makes no sense: %j', ([changes, problem]) => {
  expect(errorsOfOverride({})).toEqual([]);
  expect(errorsOfOverride(changes)).toEqual([problem]);
});

test('an override without a level, and a second one of the same', () => {
  const { fail: _, ...without } = general;
  expect(errorsOf({ budgetOverrides: [without] })).toEqual([
    '/budgetOverrides/0: neither "warn" nor "fail" seen, allowed: one of them or both',
  ]);
  expect(errorsOf({ budgetOverrides: [general, special, general] })).toEqual([
    '/budgetOverrides/2: the second one for the same branch, variant and metric; allowed: one',
  ]);
});
