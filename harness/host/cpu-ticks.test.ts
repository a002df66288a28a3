import { expect, test } from 'vitest';
import { parseCpuTicks, readCpuTicks, stealRatio } from './cpu-ticks.ts';

const stat = `cpu  17301 20 6999 108382 108 3 38 39 500 7
cpu0 17301 20 6999 108382 108 3 38 39 500 7
intr 1234567 0 9
ctxt 2345678
btime 1700000000
`;

test('guest time is part of user time and not counted twice', () => {
  expect(parseCpuTicks(stat)).toEqual({ total: 132_890, steal: 39 });
});

test('a kernel without steal accounting has none', () => {
  expect(parseCpuTicks('cpu  10 0 5 85\n')).toEqual({ total: 100, steal: 0 });
});

test('a text that is not /proc/stat is refused', () => {
  expect(() => parseCpuTicks('cpu0 1 2 3\n')).toThrow('no "cpu" line');
});

test('the ratio is of the time between the readings', () => {
  const before = { total: 1_000, steal: 100 };
  expect(stealRatio(before, { total: 1_200, steal: 130 })).toBe(0.15);
  expect(stealRatio(before, before)).toBe(0);
});

test('counters that step back give no negative ratio', () => {
  expect(stealRatio({ total: 100, steal: 5 }, { total: 140, steal: 4 })).toBe(0);
});

test('this machine counts', async () => {
  expect((await readCpuTicks()).total).toBeGreaterThan(0);
});
