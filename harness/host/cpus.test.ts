import { expect, test } from 'vitest';
import { allowedCpus, parseCpuList } from './cpus.ts';

test.for([
  ['0', [0]],
  ['0-3', [0, 1, 2, 3]],
  ['0-2,5', [0, 1, 2, 5]],
  ['1,3,5-6', [1, 3, 5, 6]],
] as [string, number[]][])('the kernel’s list %s', ([list, cpus]) => {
  expect(parseCpuList(list)).toEqual(cpus);
});

test('this process may use at least one CPU', async () => {
  const cpus = await allowedCpus();
  expect(cpus.length).toBeGreaterThan(0);
  expect(cpus.every((cpu) => Number.isInteger(cpu) && cpu >= 0)).toBe(true);
});
