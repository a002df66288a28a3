import { expect, test } from 'vitest';
import { normals } from '../stats/random.ts';
import { decideMetric, firstRounds, type MetricRounds } from './decide.ts';
import { lookLevels, looks, mostRounds } from './design.ts';
import { decideUnit, goesOn, type UnitRounds } from './family.ts';
import { isFutile } from './futility.ts';

const levels = lookLevels(6);
const last = levels[levels.length - 1] as (typeof levels)[number];

/** Rounds of a head that is so many times slower, each value with this standard deviation of its logarithm. */
function metric(
  head: number,
  sd: number,
  seed: bigint,
  usable = (_: number) => true,
): MetricRounds {
  const normal = normals(seed);
  const values = () =>
    Array.from({ length: mostRounds }, (_, round) => {
      const value = {
        base: Math.exp(sd * normal()),
        control: Math.exp(sd * normal()),
        head: head * Math.exp(sd * normal()),
      };
      return usable(round) ? value : null;
    });
  return { better: 'lower', limitPercent: 10, rounds: { mixed: values(), sliced: values() } };
}

/** Share of trials that are decided after the last round, and of those the share that would have been given up at the first look. */
function givenUp(head: number, sd: number): { decided: number; lost: number } {
  const trials = Array.from({ length: 400 }, (_, seed) => metric(head, sd, BigInt(seed)));
  const decided = trials.filter((trial) =>
    ['pass', 'regressed'].includes(decideMetric(trial, last).outcome),
  );
  const lost = decided.filter((trial) => {
    const first = firstRounds(trial, looks[0]);
    return (
      decideMetric(first, levels[0] as (typeof levels)[number]).outcome !== 'regressed' &&
      isFutile(first, last)
    );
  });
  return { decided: decided.length / 400, lost: lost.length / Math.max(1, decided.length) };
}

test('noise in which nothing can be shown ends at the first look, and says so', () => {
  const unit: UnitRounds = { id: 'wild', rounds: looks[0], metrics: { p99: metric(1, 1, 1n) } };
  expect(goesOn(unit, levels)).toBe(false);
  const decision = decideUnit(unit, levels)['p99'];
  expect(decision).toMatchObject({ outcome: 'unmeasurable', afterRounds: looks[0] });
  expect(decision?.why).toMatch(
    /wider than the limit of 10 %; 27 more rounds would decide it with a probability below 5 %$/,
  );
});

test('a hopeless limit does not end the rounds of another', () => {
  const metrics = { p99: metric(1, 1, 1n), p50: metric(1.095, 0.1, 2n) };
  expect(goesOn({ id: 'both', rounds: looks[0], metrics }, levels)).toBe(true);
});

test('what the last look decides is seldom given up at the first one', () => {
  for (const [head, sd] of [
    [1, 0.15],
    [1, 0.25],
    [1.2, 0.15],
    [1.3, 0.25],
    [1.5, 0.4],
  ] as const) {
    const { decided, lost } = givenUp(head, sd);
    expect(decided, `${head}, ${sd}`).toBeGreaterThan(0.2);
    expect(lost, `${head}, ${sd}`).toBeLessThan(0.05);
  }
});

test('what cannot be decided is mostly given up', () => {
  const trials = Array.from({ length: 400 }, (_, seed) => metric(1, 0.8, BigInt(seed)));
  const shares = looks.map((look) => {
    const futile = trials.filter((trial) => isFutile(firstRounds(trial, look), last));
    return futile.length / trials.length;
  });
  // Where chance looks like a large effect, the next look is waited for.
  expect(shares[0]).toBeGreaterThan(0.4);
  expect(shares[2]).toBeGreaterThan(0.7);
  expect(shares[3]).toBe(1);
});

test('too few usable rounds are waited for only as long as enough may come', () => {
  const every = (n: number) => (round: number) => round % n === 0;
  const after = (rounds: number, usable: (round: number) => boolean) =>
    isFutile(firstRounds(metric(1, 0.01, 3n, usable), rounds), last);
  expect(after(looks[0], every(4))).toBe(true);
  expect(after(looks[0], every(2))).toBe(false);
  expect(after(looks[1], every(3))).toBe(true);
});

test('a quantile with too few samples beyond it is waited for only where they may come', () => {
  const giveUp = (perRound: number) => {
    const first = firstRounds(metric(1, 0.01, 4n), looks[0]);
    const counts = Array.from({ length: looks[0] }, () => perRound);
    return isFutile({ ...first, exceedances: { mixed: counts, sliced: counts } }, last);
  };
  expect(giveUp(2)).toBe(true);
  expect(giveUp(4)).toBe(false);
});

test('where only mixed windows have values, they are waited for as long as they may convict', () => {
  const mixedOnly = (sd: number) => {
    const first = firstRounds(metric(1, sd, 6n), looks[0]);
    const none = first.rounds.sliced.map(() => null);
    return isFutile({ ...first, rounds: { ...first.rounds, sliced: none } }, last);
  };
  expect(mixedOnly(0.05)).toBe(false);
  expect(mixedOnly(0.5)).toBe(true);
});

test('exact counts and the last look have nothing to give up', () => {
  const equal = Array.from({ length: looks[0] }, () => ({ base: 2, control: 2, head: 2.2 }));
  const exact = {
    better: 'lower',
    limitPercent: 10,
    rounds: { mixed: equal, sliced: equal },
  } as const;
  expect(isFutile(exact, last)).toBe(false);
  expect(isFutile(metric(1, 0.01, 5n), last)).toBe(true);
});
