import { expect, test } from 'vitest';
import { parseCpuTicks, readCpuTicks, stealRatio } from './cpu-ticks.ts';

const stat = `cpu  17311 20 7004 108467 108 3 38 39 500 7
cpu0 17301 20 6999 108382 108 3 38 39 500 7
cpu1 10 0 5 85
intr 1234567 0 9
ctxt 2345678
btime 1700000000
`;

test('guest time is part of user time and not counted twice', () => {
  expect(parseCpuTicks(stat, [0])).toEqual({ total: 132_890, steal: 39, task: 24_320 });
});

test('a kernel without steal accounting has none', () => {
  expect(parseCpuTicks(stat, [1])).toEqual({ total: 100, steal: 0, task: 15 });
});

test('the CPUs that may be used are summed, all others left out', () => {
  expect(parseCpuTicks(stat, [0, 1])).toEqual({ total: 132_990, steal: 39, task: 24_335 });
});

test('a text without a CPU that may be used is refused', () => {
  expect(() => parseCpuTicks(stat, [0, 2])).toThrow('no "cpu2" line');
});

test('the ratio is of the time between the readings', () => {
  const before = { total: 1_000, steal: 100, task: 0 };
  expect(stealRatio(before, { total: 1_200, steal: 130, task: 0 })).toBe(0.15);
  expect(stealRatio(before, before)).toBe(0);
});

test('counters that step back give no negative ratio', () => {
  expect(stealRatio({ total: 100, steal: 5, task: 0 }, { total: 140, steal: 4, task: 0 })).toBe(0);
});

test('this machine counts', async () => {
  expect((await readCpuTicks()).total).toBeGreaterThan(0);
});
