import { expect, test } from 'vitest';
import { calm, openMachine } from '../machine.ts';
import { type Effect, type Machine, noEffect, type World } from '../world.ts';
import { foreignLoad } from '../worlds/foreign-load.ts';
import { quiet } from '../worlds/quiet.ts';
import { autocannonCompare } from './autocannon-compare.ts';
import { benchstat } from './benchstat.ts';
import { githubActionBenchmark } from './github-action-benchmark.ts';
import { type Metric, type Peer, peers } from './index.ts';
import { k6Threshold } from './k6-threshold.ts';
import { otava } from './otava.ts';
import { singleRun } from './single-run.ts';

const huge: Effect = { p50: 3, p99: 3, cpu: 3 };

interface Trial {
  world: Pick<World, 'open'>;
  effect?: Effect;
  metric?: Metric;
  n?: number;
}

function redShare(
  peer: Peer,
  { world, effect = noEffect, metric = 'p50', n = 300 }: Trial,
): number {
  let red = 0;
  for (let seed = 0; seed < n; seed++) {
    red += peer.decide(world.open(BigInt(seed)), effect, metric) === 'red' ? 1 : 0;
  }
  return red / n;
}

function slack(probability: number, n: number): number {
  return 3.9 * Math.sqrt((probability * (1 - probability)) / n);
}

test('six rules, each with a source', () => {
  expect(new Set(peers.map(({ name }) => name)).size).toBe(6);
});

test.for(peers)('$name: catches what nobody could miss, and lets an improvement pass', (peer) => {
  for (const metric of ['p50', 'p99'] as const) {
    expect(redShare(peer, { world: quiet, effect: huge, metric, n: 30 })).toBe(1);
    const better = { p50: 0.5, p99: 0.5, cpu: 0.5 };
    // Otava may see a second change, of an outlier next to the true one, for the worse.
    const wrong = redShare(peer, { world: quiet, effect: better, metric, n: 30 });
    expect(wrong).toBeLessThanOrEqual(peer === otava ? 0.1 : 0);
  }
});

test.for(peers)('$name: equal machines, equal answers', (peer) => {
  const answers = () =>
    Array.from({ length: 10 }, (_, seed) =>
      peer.decide(foreignLoad.open(BigInt(seed)), { ...noEffect, p99: 1.3 }, 'p99'),
    );
  expect(answers()).toEqual(answers());
});

test.for(peers)('$name: a gate’s measuring ends within 90 s', (peer) => {
  let measured = 0;
  const counting = (machine: Machine): Machine => ({
    ...machine,
    alone: (effect, durationMs) => {
      // A history was measured before anybody waited.
      measured += peer === otava && effect === noEffect ? 0 : durationMs;
      return machine.alone(effect, durationMs);
    },
    anotherDay: () => machine.anotherDay(),
  });
  peer.decide(counting(quiet.open(1n)), { ...noEffect }, 'p50');
  expect(measured).toBeGreaterThan(0);
  expect(measured).toBeLessThanOrEqual(90_000);
});

test('thresholds are where they are said to be', () => {
  // Nothing but sampling noise, some 0.6 % for the p50 of a run.
  const steady = {
    ...calm,
    drift: { sd: 0, correlationMs: 1_000 },
    process: { sd: 0, tailSd: 0 },
    daySd: 0,
    requestsPerSecond: 100_000,
  };
  const world = { open: (seed: bigint) => openMachine(steady, seed) };
  for (const [peer, metric, limit] of [
    [githubActionBenchmark, 'p50', 2],
    [githubActionBenchmark, 'p99', 2],
    [k6Threshold, 'p50', 1.25],
    [k6Threshold, 'p99', 1.25],
    [singleRun, 'p50', 1.05],
    [singleRun, 'p99', 1.1],
  ] as const) {
    const at = (factor: number) => ({ ...noEffect, [metric]: limit * factor });
    expect(redShare(peer, { world, metric, effect: at(0.96), n: 40 })).toBe(0);
    expect(redShare(peer, { world, metric, effect: at(1.04), n: 40 })).toBe(1);
  }
});

test('benchstat keeps its 5 % where runs are exchangeable, half of it for the worse', () => {
  const steady = { ...calm, drift: { sd: 0, correlationMs: 1_000 } };
  const world = { open: (seed: bigint) => openMachine(steady, seed) };
  const n = 1_600;
  expect(Math.abs(redShare(benchstat, { world, n }) - 0.0217)).toBeLessThan(slack(0.0217, n));
});

test('Welch’s test on requests is wrong far more often than 5 %, of which 2.5 % for the worse', () => {
  // Real equal programs: p < 0.05 in 21 of 30 pairs, so worse in a third.
  expect(redShare(autocannonCompare, { world: quiet })).toBeGreaterThan(0.075);
  expect(redShare(autocannonCompare, { world: foreignLoad })).toBeGreaterThan(0.25);
});

test('a single run on a shared machine cries wolf', () => {
  // Real equal programs under load: +25 % for p99 in 35 to 45 % of adjacent pairs, both directions.
  expect(redShare(singleRun, { world: foreignLoad, metric: 'p99' })).toBeGreaterThan(0.2);
});
