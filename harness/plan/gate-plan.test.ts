import { expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { makeScenario } from '../test/evidence.ts';
import { GatePlan, makeGatePlan, unitName } from './gate-plan.ts';

const scenario = makeScenario();
const loaded = { suite: 'io_uring', id: 'hello-http', path: '/hello-http.json', scenario };
const options = {
  ...{ variant: 'epoll', seed: '42', sliceMs: 20, rounds: 39 },
  windows: { warmupMs: 300, mixedMs: 1000, slicedMs: 1000 },
};

test('equal seeds give equal plans; variant, scenario and seed each give others', () => {
  const plan = makeGatePlan(loaded, options);
  expect(makeGatePlan(structuredClone(loaded), { ...options })).toEqual(plan);
  const seeds = ({ rounds }: GatePlan) => rounds.map(({ seed }) => seed);
  for (const other of [
    makeGatePlan(loaded, { ...options, seed: '43' }),
    makeGatePlan(loaded, { ...options, variant: 'io_uring' }),
    makeGatePlan({ ...loaded, suite: 'fd_leak' }, options),
  ]) {
    expect(seeds(other).some((seed) => seeds(plan).includes(seed))).toBe(false);
  }
  expect(new Set(seeds(plan)).size).toBe(39);
  checkJson(plan, GatePlan, { name: 'plan', remedy: '' });
  expect(unitName(plan)).toBe('io_uring/hello-http/epoll');
});

test('more rounds go on where fewer end: a longer plan begins with the orders of a shorter one', () => {
  const orders = (rounds: number) =>
    makeGatePlan(loaded, { ...options, rounds }).rounds.map(({ order }) => order);
  expect(orders(12)).toEqual(orders(7).concat(orders(12).slice(7)));
});

test('every six rounds have every order once, shuffled by the seed', () => {
  const { rounds } = makeGatePlan(loaded, options);
  const names = rounds.map(({ order }) => order.join());
  for (const from of [0, 6, 12, 18, 24, 30]) {
    expect(new Set(names.slice(from, from + 6)).size).toBe(6);
  }
  const firsts = new Set(
    Array.from({ length: 100 }, (_, seed) => {
      return makeGatePlan(loaded, { ...options, seed: String(seed) }).rounds[0]?.order.join();
    }),
  );
  expect(firsts.size).toBe(6);
});

test('the limits are those of the scenario, copied', () => {
  const limitPercent = { 'latency-p99': 10 };
  const gated = { ...loaded, scenario: makeScenario({ gate: { limitPercent } }) };
  const plan = makeGatePlan(gated, options);
  limitPercent['latency-p99'] = 20;
  expect(plan.limitPercent).toEqual({ 'latency-p99': 10 });
  expect(makeGatePlan(loaded, options).limitPercent).toEqual({});
});

test('programs that cannot be connected together are refused', () => {
  const alone = makeScenario({ load: { ...scenario.load, interleave: 'run' } });
  expect(() => makeGatePlan({ ...loaded, scenario: alone }, options)).toThrow(
    expect.objectContaining({
      exitCode: 2,
      message: expect.stringContaining('"interleave": "run"'),
    }),
  );
});
