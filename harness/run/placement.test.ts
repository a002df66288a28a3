import { expect, test } from 'vitest';
import { allowedCpus, parseCpuList, placeOn } from './placement.ts';

test.for([
  [[0], '0', -1],
  [[0, 1], '0', 1],
  [[0, 1, 2], '0', 2],
  [[0, 1, 2, 3], '1,2', 3],
  [[0, 1, 2, 3, 4, 5, 6, 7], '1,2', 7],
  [[4, 6], '4', 6],
  [[2, 5, 9, 11], '5,9', 11],
] as [number[], string, number][])(
  'CPUs %j: servers on %s, generator on %d',
  ([cpus, servers, generator]) => {
    expect(placeOn(cpus)).toEqual({ servers, generator });
  },
);

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
