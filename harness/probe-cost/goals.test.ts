import { expect, test } from 'vitest';
import { judgeGoals } from './goals.ts';
import type { Pair } from './result.ts';
import { pairOf } from './testing/pair.ts';

const at = (extras: readonly number[], of: Partial<Pick<Pair, 'watch' | 'load'>> = {}) =>
  extras.map((extra) => pairOf({ ...of, with: { cpuPerRequestNs: 1_000 + extra } }));
const outcome = (extras: readonly number[]) => judgeGoals(at(extras))[0]?.outcome;

test('decided where all bounds lie on one side of the limit', () => {
  expect(outcome([10, 20, 25, 28, 29])).toBe('met');
  expect(outcome([31, 40, 50, 60, 70])).toBe('not met');
  expect(outcome([20, 25, 28, 29, 31])).toBe('not decided');
  expect(outcome([1, 1, 1, 1])).toBe('not decided');
});

test('only what was measured has a goal, each load its own', () => {
  const goals = judgeGoals([
    ...at([90, 90, 90, 90, 90], { watch: 'runtime' }),
    ...at([350, 320, 310, 330, 340], { watch: 'runtime', load: 'saturated' }),
    ...at([1, 1, 1, 1, 1], { watch: 'syscalls' }),
  ]);
  expect(
    goals.map(({ watch, load, limitRatio, outcome: seen }) => [watch, load, limitRatio, seen]),
  ).toEqual([
    ['runtime', 'half', 0.1, 'met'],
    ['runtime', 'saturated', 0.3, 'not met'],
  ]);
  expect(goals[1]?.bounds?.lo).toBeCloseTo(0.31);
});
