import { expect, test } from 'vitest';
import { looks, mostRounds } from '../../gate/design.ts';
import { benchstat } from '../peers/benchstat.ts';
import { peers } from '../peers/index.ts';
import { k6Threshold } from '../peers/k6-threshold.ts';
import { otava } from '../peers/otava.ts';
import type { Peer } from '../peers/peer.ts';
import { singleRun } from '../peers/single-run.ts';
import { noEffect } from '../world.ts';
import { OutOfRounds, RoundStream, recordedMachine } from './recorded-machine.ts';
import type { RoundWindows } from './recorded-rounds.ts';
import { replayedEffect, replayOurs, replayPeer, streamsOf } from './replay.ts';
import { equalRounds, recordedRounds } from './testing/rounds.ts';

const windowsOf = (peer: Peer, rounds: number) =>
  replayPeer(peer, [equalRounds(rounds)]).p50.none.windows;

test('every run of a tool is another round', () => {
  const rounds = equalRounds(6);
  const machine = recordedMachine(new RoundStream(rounds));
  const seen = [1, 2, 3].map(() => machine.alone(noEffect, 4_000).p50Ns);
  const far = machine.anotherDay();
  seen.push(far.alone(noEffect, 4_000).p50Ns, far.alone(noEffect, 4_000).p50Ns);
  const at = (round: number, arm: 'base' | 'control' | 'head') => rounds[round]?.sliced[arm].p50;
  expect(seen).toEqual([
    ...[at(0, 'base'), at(1, 'control'), at(2, 'head'), at(5, 'base'), at(4, 'control')],
  ]);
  expect(machine.alone(noEffect, 4_000).p50Ns).toBe(at(3, 'head'));
  expect(() => machine.alone(noEffect, 4_000)).toThrow(OutOfRounds);
  expect(() => far.alone(noEffect, 4_000)).toThrow(OutOfRounds);
});

test('an effect multiplies what was seen; a round without a value is left out', () => {
  const rounds = equalRounds(2);
  (rounds[0] as RoundWindows).sliced.base.p99 = null;
  const effect = { p50: 1.5, p99: 2, cpu: 3 };
  const values = rounds[1]?.sliced.control;
  expect(recordedMachine(new RoundStream(rounds)).alone(effect, 4_000)).toEqual({
    requests: 2_500,
    p50Ns: (values?.p50 ?? 0) * 1.5,
    p99Ns: (values?.p99 ?? 0) * 2,
    meanNs: (values?.mean ?? 0) * 1.5,
    sdNs: 45_000,
    cpuPerRequestNs: (values?.cpu ?? 0) * 3,
  });
});

test('windows are disjoint, and a stretch that is too short is none', () => {
  expect(windowsOf(singleRun, 41)).toBe(20);
  expect(windowsOf(k6Threshold, 41)).toBe(20);
  expect(windowsOf(benchstat, 41)).toBe(2);
  expect(windowsOf(otava, 41)).toBe(1);
  expect(windowsOf(otava, 35)).toBe(0);
  for (const peer of peers) {
    expect(windowsOf(peer, 0)).toBe(0);
  }
});

test('our rule takes as many rounds as it needs, and decides nothing on fewer', () => {
  const { p50, p99 } = replayOurs([equalRounds(10 * looks[0])]);
  expect(p50.none).toEqual({ windows: 10, red: 0 });
  expect(p99.none).toEqual({ windows: 10, red: 0 });
  expect(p50.effect).toEqual({ windows: 10, red: 10 });
  expect(p99.effect).toEqual({ windows: 10, red: 10 });
  expect(replayOurs([equalRounds(looks[0] - 1)]).p50.none).toEqual({ windows: 0, red: 0 });
  // Rounds without a value are rounds nevertheless: they are not red, and given up at the first look.
  const blind = equalRounds(mostRounds);
  for (const { sliced, mixed } of blind) {
    sliced.head.p50 = null;
    mixed.base.p50 = null;
  }
  const windows = Math.floor(mostRounds / looks[0]);
  expect(replayOurs([blind]).p50.effect).toEqual({ windows, red: 0 });
});

test('a peer that looks at one run each sees what is far beyond its threshold', () => {
  const streams = [equalRounds(40)];
  expect(replayPeer(singleRun, streams).p99).toEqual({
    none: { windows: 20, red: 0 },
    effect: { windows: 20, red: 20 },
  });
  expect(replayedEffect).toEqual({ p50: 1.08, p99: 1.3, cpu: 1 });
});

test('rounds of other machines, scenarios and worlds are no neighbours', () => {
  const rounds = equalRounds(7);
  const recorded = [
    recordedRounds(rounds),
    recordedRounds(rounds, { host: 'b'.repeat(12) }),
    recordedRounds(rounds, { scenario: 'io_uring/block-4k/epoll' }),
    recordedRounds(rounds, { world: 'foreign' }),
    recordedRounds(rounds),
  ];
  expect(streamsOf(recorded, 'quiet').map(({ length }) => length)).toEqual([14, 7, 7]);
  expect(streamsOf(recorded, 'foreign').map(({ length }) => length)).toEqual([7]);
  // Seven runs are three pairs, on each of the others as well.
  expect(replayPeer(singleRun, streamsOf(recorded, 'quiet')).p50.none.windows).toBe(7 + 3 + 3);
});

test('equal rounds, equal answers', () => {
  const streams = [equalRounds(200, { sd: 0.2 })];
  for (const peer of peers) {
    expect(replayPeer(peer, streams)).toEqual(replayPeer(peer, streams));
  }
});
