import { expect, test } from 'vitest';
import { normals } from '../stats/random.ts';
import { decideMetric, firstRounds, type MetricRounds } from './decide.ts';
import { lookLevels, looks, mostRounds } from './design.ts';
import type { ArmValues } from './effect.ts';

const levels = lookLevels(9);
const last = levels[levels.length - 1] as (typeof levels)[number];

interface Shape {
  /** Head ÷ base, control ÷ base; 1 by default. */
  head?: number;
  control?: number;
  /** Head ÷ base in the mixed windows. */
  mixed?: number;
  /** Of the logarithm of a program's value in a round. */
  sd?: number;
  seed?: bigint;
}

/** Rounds of a latency of 50 µs, each with what its machine did to all three programs. */
function rounds({ head = 1, control = 1, mixed = head, sd = 0.01, seed = 1n }: Shape = {}) {
  const normal = normals(seed);
  const round = (ratio: number): ArmValues => {
    const shared = 50_000 * Math.exp(0.3 * normal());
    const own = () => shared * Math.exp(sd * normal());
    return { base: own(), control: own() * control, head: own() * ratio };
  };
  return {
    better: 'lower',
    limitPercent: 3,
    rounds: {
      mixed: Array.from({ length: mostRounds }, () => round(mixed)),
      sliced: Array.from({ length: mostRounds }, () => round(head)),
    },
  } satisfies MetricRounds;
}

/** The same with one thing changed in the sliced rounds. */
function changed(metric: MetricRounds, change: (values: ArmValues, round: number) => unknown) {
  const sliced = metric.rounds.sliced.map((values, round) =>
    values === null ? null : (change(values, round) as ArmValues | null),
  );
  return { ...metric, rounds: { ...metric.rounds, sliced } };
}

const outcome = (metric: MetricRounds) => decideMetric(metric, last).outcome;

test.for<[string, Shape, string]>([
  ['equal code', {}, 'pass'],
  ['+8 %', { head: 1.08 }, 'regressed'],
  ['+8 %, which mixing hides', { head: 1.08, mixed: 1.01 }, 'regressed'],
  ['−5 %', { head: 0.95 }, 'improved'],
  ['+2.9 %, just below the limit', { head: 1.029 }, 'inconclusive'],
  ['equal code that only noise surrounds', { sd: 0.2 }, 'unmeasurable'],
  ['equal code and a control that is not equal', { control: 1.05 }, 'unmeasurable'],
  ['+8 % and a control that is not equal', { head: 1.12, control: 1.04 }, 'unmeasurable'],
])('%s', ([, shape, expected]) => {
  expect(outcome(rounds(shape))).toBe(expected);
});

test('a mixed window may convict, and never acquits', () => {
  const noise = rounds({ sd: 0.2 });
  const convicting = {
    ...noise,
    rounds: { ...noise.rounds, mixed: rounds({ head: 1.1 }).rounds.mixed },
  };
  const convicted = decideMetric(convicting, last);
  expect(convicted).toMatchObject({ outcome: 'regressed', basis: 'mixed' });
  // Twice that of the window that convicted, because either may.
  expect(convicted.p).toBeLessThan(1e-9);
  const acquitting = { ...noise, rounds: { ...noise.rounds, mixed: rounds().rounds.mixed } };
  expect(outcome(acquitting)).toBe('unmeasurable');
});

test('more is better: the sign turns', () => {
  const turned = (head: number): MetricRounds => ({ ...rounds({ head }), better: 'higher' });
  expect(outcome(turned(0.9))).toBe('regressed');
  expect(outcome(turned(1.1))).toBe('improved');
  expect(outcome(turned(1))).toBe('pass');
});

test('exact counts without any spread are decided, on either side of the limit', () => {
  const counts = (head: number) => {
    const all = Array.from({ length: mostRounds }, () => ({ base: 100, control: 100, head }));
    return { ...rounds(), rounds: { mixed: all, sliced: all } };
  };
  expect(outcome(counts(102))).toBe('pass');
  expect(outcome(counts(104))).toBe('regressed');
});

test('a count that was nothing may not become something', () => {
  const counts = (head: number, offset: number) => {
    const all = Array.from({ length: mostRounds }, () => ({ base: 0, control: 0, head }));
    return { ...rounds(), limitPercent: 1, offset, rounds: { mixed: all, sliced: all } };
  };
  expect(outcome(counts(1, 1))).toBe('regressed');
  expect(outcome(counts(0, 1))).toBe('pass');
  expect(outcome(counts(0.005, 1))).toBe('pass');
  expect(outcome(counts(1, 0))).toBe('unmeasurable');
});

// Every way in which data can be dead or mixed up: none may be green.
const dead: [string, (values: ArmValues, round: number) => unknown][] = [
  ['no value at all', () => null],
  ['the head is NaN', (v) => ({ ...v, head: Number.NaN })],
  ['the head is null', (v) => ({ ...v, head: null })],
  ['the head is missing', ({ base, control }) => ({ base, control })],
  ['the head is zero', (v) => ({ ...v, head: 0 })],
  ['the head is negative', (v) => ({ ...v, head: -v.head })],
  ['the head is infinite', (v) => ({ ...v, head: Number.POSITIVE_INFINITY })],
  ['the base is NaN', (v) => ({ ...v, base: Number.NaN })],
  ['the base is zero', (v) => ({ ...v, base: 0 })],
  ['the base is infinite', (v) => ({ ...v, base: Number.POSITIVE_INFINITY })],
  ['the control is missing', ({ base, head }) => ({ base, head })],
  ['milliseconds for microseconds in the head', (v) => ({ ...v, head: v.head / 1000 })],
  ['microseconds for milliseconds in the head', (v) => ({ ...v, head: v.head * 1000 })],
  ['a collapse to 3 %: nothing is done any more', (v) => ({ ...v, head: v.head * 0.03 })],
  ['two thirds of the rounds are lost', (v, round) => (round % 3 === 0 ? v : null)],
  ['all but the last four rounds are lost', (v, round) => (round < mostRounds - 4 ? null : v)],
];
test.for(dead)('not green: %s', ([, change]) => {
  expect(['pass', 'improved']).not.toContain(outcome(changed(rounds(), change)));
});

test('base and head swapped: what was slower is not green', () => {
  const swap = (v: ArmValues) => ({ base: v.head, control: v.control, head: v.base });
  // The real base is 20 % slower than the head here, and stands where the head belongs.
  expect(['pass', 'improved']).not.toContain(outcome(changed(rounds({ head: 1 / 1.2 }), swap)));
});

test('no rounds, and fewer than any look has', () => {
  for (const count of [0, 1, 4]) {
    const { outcome, why } = decideMetric(firstRounds(rounds(), count), last);
    expect(outcome).toBe('unmeasurable');
    expect(why).toBe(`${count} of ${count} rounds have a value that may be used, 5 needed`);
  }
  const third = changed(rounds(), (v, round) => (round % 3 === 0 ? v : null));
  expect(decideMetric(third, last).why).toBe(
    '13 of 39 rounds have a value that may be used, 26 needed',
  );
});

test('a quantile with fewer than 100 samples beyond it decides nothing, and says how long to go on', () => {
  const beyond = (each: number) => {
    const counts = Array.from({ length: mostRounds }, () => each);
    return { ...rounds({ head: 1.5 }), exceedances: { mixed: counts, sliced: counts } };
  };
  expect(outcome(beyond(3))).toBe('regressed');
  const few = decideMetric(beyond(1), last);
  expect(few.outcome).toBe('unmeasurable');
  expect(few.why).toBe('39 samples beyond the quantile, 100 needed');
  expect(few.neededRounds).toBe(100);
});

test('what is undecided says how many rounds would decide it', () => {
  const { neededRounds, why } = decideMetric(rounds({ head: 1.029, sd: 0.01 }), last);
  expect(why).toMatch(
    /^\+\d\.\d % seen.*, at the levels of this look at least .*; the limit is 3 %$/,
  );
  expect(neededRounds === null || neededRounds > mostRounds).toBe(true);
});

/** An effect known to the last digit: head ÷ base spread evenly around its middle. */
function spread(effectPercent: number) {
  const all = Array.from({ length: mostRounds }, (_, round) => {
    const around = 0.1 * (round / (mostRounds - 1) - 0.5);
    return { base: 1, control: 1, head: (1 + effectPercent / 100) * Math.exp(around) };
  });
  return { ...rounds(), rounds: { mixed: all, sliced: all } } satisfies MetricRounds;
}

test('how many rounds: more for a conviction than for an acquittal as far from the limit', () => {
  const [below, above] = [2, 4].map((effect) => decideMetric(spread(effect), last));
  expect(below).toMatchObject({ outcome: 'inconclusive' });
  expect(above).toMatchObject({ outcome: 'inconclusive' });
  expect(below?.neededRounds).toBeGreaterThan(mostRounds);
  expect(above?.neededRounds).toBeGreaterThan(1.5 * (below?.neededRounds ?? Infinity));
  // At the limit, and within a tenth of a standard error of it, no number of rounds can be named.
  expect(decideMetric(spread(3), last).neededRounds).toBeNull();
  expect(decideMetric(spread(3.01), last).neededRounds).toBeNull();
});

test('what is undecided is said with the larger of both windows’ effects', () => {
  const [less, more] = [spread(1), spread(2.9)];
  const seen = { ...more, rounds: { mixed: less.rounds.mixed, sliced: more.rounds.sliced } };
  expect(decideMetric(seen, last).why).toMatch(/^\+2\.9 % seen, at the levels/);
  const other = {
    ...more,
    rounds: { mixed: spread(3.1).rounds.mixed, sliced: more.rounds.sliced },
  };
  expect(decideMetric(other, last).why).toContain(
    '+2.9 % seen (+3.1 % in the mixed windows), at the levels',
  );
});

test('few bad rounds do not turn a verdict', () => {
  const storm = (head: number) =>
    changed(rounds({ head }), (v, round) => (round % 12 === 5 ? { ...v, head: v.head * 20 } : v));
  expect(outcome(storm(1))).toBe('pass');
  expect(outcome(storm(1.08))).toBe('regressed');
});

test('an early look asks for more than a late one, and every level can be reached', () => {
  expect(levels.map((look) => look.rounds)).toEqual([...looks]);
  for (const { convict, acquit, rounds: count } of levels) {
    expect(convict).toBeGreaterThan(0);
    expect(acquit).toBeGreaterThan(convict);
    const clear = decideMetric(firstRounds(rounds({ head: 1.5 }), count), {
      rounds: count,
      convict,
      acquit,
    });
    expect(clear.outcome).toBe('regressed');
  }
});
