import { expect, test } from 'vitest';
import type { TraceSummary } from '../capture/trace-summary.ts';
import { encode } from '../profile/testing/encode.ts';
import { randomIntegers, seedFromName } from '../stats/random.ts';
import { makeEvidence } from '../test/evidence.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { comparePaired, type Flame, flamesOf, flamesOfProcess } from './flames.ts';

const periodNs = 10_000_000;

/** How many samples of CPU time a stack has in each round, by variant: the sum of coin tosses. */
type Rates = Record<string, (stack: number) => number>;

const stacks = Array.from({ length: 60 }, (_, i) => [`leaf${i}`, `middle${i % 7}`, 'main']);

function evidence(rates: Rates, seed: string): ScenarioEvidence {
  const made = makeEvidence();
  for (const [round, { cpuProfiles }] of made.rounds.entries()) {
    for (const [variant, rate] of Object.entries(rates)) {
      const random = randomIntegers(seedFromName(`${seed}/${round}/${variant}`));
      cpuProfiles[variant] = encode({
        samples: stacks.map((stack, i) => {
          const tosses = Array.from({ length: 400 }, () => random(400_000) < 1000 * rate(i));
          return { stack, values: [BigInt(periodNs * tosses.filter(Boolean).length)] };
        }),
      });
    }
  }
  return made;
}

function differenceOf(made: ScenarioEvidence): Flame {
  const found = flamesOf(made, 100_000).find(({ view }) => view === 'cpu-difference');
  expect(found).toBeDefined();
  return found as Flame;
}

const namesWith = ({ tree }: Flame, sign: number) =>
  tree.name
    .filter((_, node) => tree.difference?.sign[node] === sign)
    .map((name) => tree.names[name] ?? '');

test('of frames that do not differ no more than 5 in 100 are coloured', () => {
  let [coloured, all] = [0, 0];
  for (const seed of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']) {
    const rate = (i: number) => 0.2 + i / 4;
    const difference = differenceOf(evidence({ epoll: rate, io_uring: rate }, seed));
    coloured += namesWith(difference, 1).length + namesWith(difference, -1).length;
    all += difference.tree.depth.length;
  }
  expect(all).toBeGreaterThan(400);
  expect(coloured / all).toBeLessThanOrEqual(0.05);
});

test('frames that became dearer or cheaper are coloured, with what calls them', () => {
  const rates = {
    epoll: (i: number) => (i === 3 ? 2 : i === 8 ? 60 : 5),
    io_uring: (i: number) => (i === 3 ? 60 : i === 8 ? 0 : 5),
  };
  const difference = differenceOf(evidence(rates, 'planted'));
  expect(namesWith(difference, 1)).toEqual(expect.arrayContaining(['leaf3', 'middle3']));
  expect(namesWith(difference, -1)).toEqual(expect.arrayContaining(['leaf8', 'middle1']));
});

test('both sums are those of the profiles, to the nanosecond', () => {
  const made = evidence({ epoll: () => 3, io_uring: (i) => i / 9 }, 'sums');
  const found = flamesOf(made, 100_000);
  const whole = (view: string, variant: string) =>
    found.find((f) => f.view === view && f.variant === variant)?.tree.value[0];
  const { tree } = differenceOf(made);
  expect(tree.value[0]).toBe(whole('cpu', 'io_uring'));
  expect(tree.difference?.base[0]).toBe(whole('cpu', 'epoll'));
  const leaves = (values: readonly number[]) =>
    values.reduce((sum, value, node) => sum + (tree.depth[node] === 3 ? value : 0), 0);
  expect(leaves(tree.value)).toBe(tree.value[0]);
  expect(leaves(tree.difference?.base ?? [])).toBe(tree.difference?.base[0]);
});

test('with two rounds nothing is coloured, and equal differences are held against counting', () => {
  expect(comparePaired([0, 0], [9e9, 9e9], periodNs).sign).toBe(0);
  const one = Array.from({ length: 4 }, () => periodNs);
  expect(comparePaired([0, 0, 0, 0], one, periodNs).sign).toBe(0);
  const many = Array.from({ length: 4 }, () => 100 * periodNs);
  expect(comparePaired([0, 0, 0, 0], many, periodNs)).toMatchObject({ sign: 1, base: 0 });
  expect(comparePaired(many, [0, 0, 0, 0], periodNs).sign).toBe(-1);
});

test('rounds and profiles that are missing or damaged are left out', () => {
  const made = evidence({ epoll: () => 3, io_uring: () => 3 }, 'gaps');
  const [first, second] = made.rounds;
  if (first && second) {
    first.cpuProfiles['epoll'] = Buffer.from('damaged');
    delete second.cpuProfiles['io_uring'];
  }
  expect(differenceOf(made).rounds).toBe(made.rounds.length - 2);
  expect(flamesOf(makeEvidence(), 1000)).toEqual([]);
});

test('the first row of goroutines says what they wait for, and the profiler’s own is not there', () => {
  const made = makeEvidence();
  const [first] = made.rounds;
  if (first) {
    first.goroutineProfiles['epoll'] = encode({
      types: [['goroutine', 'count']],
      samples: [
        { stack: ['runtime.gopark', 'runtime.chanrecv', 'main.f'], values: [3n] },
        { stack: ['runtime/pprof.writeGoroutine', 'main.g'], values: [1n] },
      ],
    });
  }
  const [flame] = flamesOf(made, 1000);
  expect(flame).toMatchObject({ view: 'goroutine', unit: 'count', rounds: 1 });
  const { names = [], value = [] } = flame?.tree ?? {};
  expect(names).toEqual([
    'all',
    'chan:recv(block)',
    'main.f',
    'runtime.chanrecv',
    'runtime.gopark',
  ]);
  expect(value).toEqual([3, 3, 3, 3, 3]);
});

test('time off the CPU comes from the trace’s stacks', () => {
  const made = makeEvidence();
  const [first] = made.rounds;
  const sums = { count: 0, p50: 0, p90: 0, p99: 0, max: 0, sum: 0 };
  const wait = { reason: 'network', stack: 0, count: 2, ns: 70, openCount: 1, openNs: 7 };
  if (first) {
    first.traces['epoll'] = {
      ...{ schema: 1, durationNs: 9, goroutines: 1, clockSnapshots: 1, blockedNs: {} },
      ...{ syscallNs: 0, runnableNs: 0, runningNs: 0, networkWakeupNs: sums },
      stacks: {
        ...{ functions: ['net.read', 'main.f'], stacks: [[0, 1]], blocked: [wait], syscalls: [] },
        ...{ leftOutNs: 0, runnableNs: sums, runnableBuckets: [], toolNs: 0 },
      },
    };
  }
  const [flame] = flamesOf(made, 1000);
  expect(flame).toMatchObject({ view: 'off-cpu', unit: 'ns' });
  expect(flame?.tree.names).toEqual(['all', 'io:wait(net)', 'main.f', 'net.read']);
  expect(flame?.tree.value).toEqual([77, 77, 77, 77]);
});

test('the trees of a scenario have no more nodes together than allowed', () => {
  const made = evidence({ epoll: () => 3, io_uring: () => 3 }, 'size');
  const found = flamesOf(made, 200);
  const nodes = found.reduce((sum, { tree }) => sum + tree.depth.length, 0);
  expect(nodes).toBeLessThanOrEqual(200);
  expect(found.every(({ tree }) => tree.left > 0 && tree.belowShare > 0)).toBe(true);
});

test('what comes of readiness is drawn from the event over the goroutine to what it does', () => {
  const none = { count: 0, p50: 0, p90: 0, p99: 0, max: 0, sum: 0 };
  const trace: TraceSummary = {
    ...{ schema: 1, durationNs: 1000, goroutines: 1, clockSnapshots: 1, blockedNs: {} },
    ...{ syscallNs: 0, runnableNs: 0, runningNs: 0, networkWakeupNs: none },
    stacks: {
      functions: ['internal/poll.(*FD).Read', 'main.serve', 'sync.(*Mutex).Lock', 'main.handle'],
      stacks: [
        [0, 1],
        [2, 3, 1],
      ],
      ...{ blocked: [], syscalls: [], leftOutNs: 0, toolNs: 0 },
      ...{ runnableNs: none, runnableBuckets: [] },
    },
    turns: {
      ...{ durationNs: none, clockSpreadNs: 0, slowest: [] },
      sums: [
        { place: 0, state: 'blocked', reason: 'sync', stack: 1, count: 2, ns: 600 },
        { place: 0, state: 'running', reason: '', stack: null, count: 2, ns: 300 },
        { place: 0, state: 'runnable', reason: '', stack: null, count: 2, ns: 100 },
      ],
    },
  };
  const [flame] = flamesOfProcess('it', { cpu: null, goroutines: [], trace }, 1000).filter(
    ({ view }) => view === 'turn',
  );
  const { tree } = flame as Flame;
  const rows = tree.depth.map((depth, node) => [
    depth,
    tree.names[tree.name[node] ?? -1],
    tree.value[node],
  ]);
  expect(rows.slice(1)).toEqual([
    [1, 'socket is ready', 1000],
    [2, 'goroutine that waited in main.serve', 1000],
    [3, 'is ready, waits for a P', 100],
    [3, 'runs', 300],
    [3, 'sync:mutex', 600],
    [4, 'main.serve', 600],
    [5, 'main.handle', 600],
    [6, 'sync.(*Mutex).Lock', 600],
  ]);
  const { turns: _, ...without } = trace;
  expect(
    flamesOfProcess('it', { cpu: null, goroutines: [], trace: without }, 1000).map((f) => f.view),
  ).toEqual([]);
});
