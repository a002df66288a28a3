import { expect, test } from 'vitest';
import { makeScenario } from '../test/evidence.ts';
import { makePlan } from './plan.ts';

const rounds = { count: 10, warmupMs: 800, unobservedMs: 5000, observedMs: 2000 };
const scenario = makeScenario({ rounds });
const loaded = { suite: 'io_uring', id: 'hello-http', path: '/hello-http.json', scenario };
const options = { seed: '42', quick: false };

test('equal seeds give equal plans; suite, id and seed each give another', () => {
  const plan = makePlan(loaded, options);
  expect(makePlan(structuredClone(loaded), { ...options })).toEqual(plan);
  const seeds = (of: ReturnType<typeof makePlan>) => of.rounds.map(({ seed }) => seed);
  for (const other of [
    makePlan(loaded, { ...options, seed: '43' }),
    makePlan({ ...loaded, id: 'block-4k' }, options),
    makePlan({ ...loaded, suite: 'fd_leak' }, options),
  ]) {
    expect(seeds(other).some((seed) => seeds(plan).includes(seed))).toBe(false);
  }
});

test('every round has a seed of its own, a uint64 in decimal', () => {
  const seeds = makePlan(loaded, options).rounds.map(({ seed }) => seed);
  expect(new Set(seeds).size).toBe(10);
  for (const seed of seeds) {
    expect(seed).toMatch(/^\d+$/);
    expect(BigInt(seed)).toBeLessThan(2n ** 64n);
  }
});

test('the greatest seed works too', () => {
  const plan = makePlan(loaded, { ...options, seed: String(2n ** 64n - 1n) });
  expect(plan.rounds).toHaveLength(10);
});

test('each variant is as often first as last, and ABBA within every four rounds', () => {
  const firsts = makePlan(loaded, options).rounds.map(({ order }) => order[0]);
  expect(firsts.filter((name) => name === 'epoll')).toHaveLength(5);
  for (const { order } of makePlan(loaded, options).rounds) {
    expect(order.toSorted()).toEqual(['epoll', 'io_uring']);
  }
  expect(firsts.slice(0, 2)).toEqual(['epoll', 'io_uring']);
});

test('the trace is taken in the last round alone, and not where there is only one', () => {
  const observe = makePlan(loaded, options).rounds.map((round) => round.observe);
  expect(observe).toEqual([...new Array(9).fill('cpu'), 'trace']);
  const one = makeScenario({ rounds: { ...rounds, count: 1 } });
  const [single] = makePlan({ ...loaded, scenario: one }, options).rounds;
  expect(single?.observe).toBe('cpu');
});

test('--quick takes the windows of quick', () => {
  const plan = makePlan(loaded, { ...options, quick: true });
  expect(plan.windows).toEqual(scenario.quick);
  expect(plan.rounds.map(({ round }) => round)).toEqual([1, 2]);
});
