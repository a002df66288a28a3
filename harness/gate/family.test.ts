import { expect, test } from 'vitest';
import { normals } from '../stats/random.ts';
import type { MetricRounds } from './decide.ts';
import { lookLevels, looks, mostRounds } from './design.ts';
import { decideFamily, decideUnit, goesOn, type UnitRounds } from './family.ts';

function metric(head: number, sd: number, seed: bigint): MetricRounds {
  const normal = normals(seed);
  const values = () =>
    Array.from({ length: mostRounds }, () => ({
      base: Math.exp(sd * normal()),
      control: Math.exp(sd * normal()),
      head: head * Math.exp(sd * normal()),
    }));
  return { better: 'lower', limitPercent: 3, rounds: { mixed: values(), sliced: values() } };
}

function unit(id: string, metrics: UnitRounds['metrics'], rounds: number = mostRounds): UnitRounds {
  return { id, rounds, metrics };
}

test('clear cases end at the first look, others go on to the last', () => {
  const levels = lookLevels(2);
  const clear = unit('clear', { p50: metric(1, 0.005, 1n), cpu: metric(1.2, 0.005, 2n) });
  expect(decideUnit(clear, levels)).toMatchObject({
    p50: { outcome: 'pass', afterRounds: looks[0] },
    cpu: { outcome: 'regressed', afterRounds: looks[0] },
  });
  expect(goesOn({ ...clear, rounds: looks[0] - 1 }, levels)).toBe(true);
  expect(goesOn({ ...clear, rounds: looks[0] }, levels)).toBe(false);
  const near = unit('near', { p50: metric(1.03, 0.02, 3n) });
  expect(decideUnit(near, levels)['p50']?.afterRounds).toBe(mostRounds);
  expect(goesOn({ ...near, rounds: looks[1] }, levels)).toBe(true);
});

test('a decision stands: later rounds do not take it back', () => {
  const early = metric(1.2, 0.005, 4n);
  const late = metric(1, 0.005, 5n);
  const first = looks[0];
  const join = (mode: 'mixed' | 'sliced') => [
    ...early.rounds[mode].slice(0, first),
    ...late.rounds[mode].slice(first),
  ];
  const turned = { ...early, rounds: { mixed: join('mixed'), sliced: join('sliced') } };
  expect(decideUnit(unit('turned', { p50: turned }), lookLevels(1))['p50']?.outcome).toBe(
    'regressed',
  );
});

test('Holm’s step: a limit that was just missed is convicted beside others that are broken', () => {
  const broken = Array.from(
    { length: 29 },
    (_, i) => [`m${i}`, metric(1.5, 0.005, BigInt(i))] as const,
  );
  const families = Array.from({ length: 200 }, (_, i) => {
    const near = metric(1.042, 0.02, BigInt(1000 + i));
    const alone = decideFamily([
      unit('near', {
        near,
        ...Object.fromEntries(broken.map(([name]) => [name, metric(1, 0.005, 7n)])),
      }),
    ]);
    const together = decideFamily([
      unit('near', { near }),
      unit('broken', Object.fromEntries(broken)),
    ]);
    return [alone, together].map((family) => family.get('near')?.['near']?.outcome === 'regressed');
  });
  const [alone, together] = [0, 1].map((at) => families.filter((found) => found[at]).length);
  expect(together).toBeGreaterThan(alone as number);
  // Never the other way round.
  expect(families.filter(([first, second]) => first && !second)).toHaveLength(0);
});

test('a unit goes on as long as one of its limits is open, and Holm’s step keeps to its last look', () => {
  const metrics = { clear: metric(1, 0.005, 1n), near: metric(1.03, 0.02, 3n) };
  expect(goesOn(unit('mixed', metrics, looks[0]), lookLevels(2))).toBe(true);
  const decided = decideFamily([unit('mixed', { ...metrics, broken: metric(1.5, 0.005, 2n) })]);
  expect(decided.get('mixed')).toMatchObject({
    clear: { outcome: 'pass', afterRounds: looks[0] },
    near: { outcome: 'inconclusive', afterRounds: mostRounds },
    broken: { outcome: 'regressed', afterRounds: looks[0] },
  });
});

test('a control that fails in one metric takes back the reds of its unit, and of no other', () => {
  const unequal = metric(1, 0.005, 3n);
  for (const round of [...unequal.rounds.mixed, ...unequal.rounds.sliced]) {
    Object.assign(round ?? {}, { control: 1.05 * (round?.control ?? 1) });
  }
  const slower = { p50: metric(1.2, 0.005, 4n) };
  const decided = decideFamily([
    unit('suspect', { ...slower, cpu: unequal }),
    unit('sound', slower),
  ]);
  expect(decided.get('suspect')?.['p50']?.outcome).toBe('unmeasurable');
  expect(decided.get('suspect')?.['p50']?.why).toMatch(/^cpu: two builds of the base differ by/);
  expect(decided.get('sound')?.['p50']?.outcome).toBe('regressed');
});

test('an empty pull request has no decision, and a unit without rounds is open', () => {
  expect(decideFamily([]).size).toBe(0);
  const started = unit('started', { p50: metric(1, 0.01, 1n) }, 0);
  expect(decideFamily([started]).get('started')).toEqual({});
  expect(goesOn(started, lookLevels(1))).toBe(true);
});
