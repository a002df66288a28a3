import { expect, test } from 'vitest';
import type { Fitness } from '../host/host.ts';
import { machineFault, machineWarnings } from './disturbance.ts';

const quiet: Fitness = { loadAverage1: 0, stealRatio: 0, calibrationNs: 100 };

test.for([
  ['quiet, recorded before it was read', {}, null],
  ['quiet', { foreignCpuRatio: 0.01, cpuStallRatio: 0.1, runQueueNs: 5 }, null],
  ['unknown to the kernel', { foreignCpuRatio: null, cpuStallRatio: null, runQueueNs: null }, null],
  // Hogs at half duty on every CPU, and ours waiting for them all the time.
  ['half busy', { foreignCpuRatio: 0.5, cpuStallRatio: 1 }, null],
  ['at the level', { stealRatio: 0.1, foreignCpuRatio: 0.6 }, null],
  ['taken by others', { foreignCpuRatio: 0.61 }, /^other programs .* 61 % .* than 60 %/],
  ['taken by the hypervisor', { stealRatio: 0.11 }, /^the hypervisor took 11 %/],
] as const)('a machine that is %s', ([, seen, fault]) => {
  const found = machineFault({ ...quiet, ...seen });
  if (fault === null) {
    expect(found).toBeNull();
  } else {
    expect(found).toMatch(fault);
  }
});

test.for([
  [{}, []],
  [{ foreignCpuRatio: null, cpuStallRatio: null }, []],
  [{ stealRatio: 0.02, foreignCpuRatio: 0.1, cpuStallRatio: 0.5, calibrationNs: 110 }, []],
  [{ stealRatio: 0.021 }, ['the hypervisor took 2.1 % of the CPU time meanwhile']],
  [
    { foreignCpuRatio: 0.45 },
    ['other programs of this machine took 45 % of the CPU time meanwhile'],
  ],
  [{ cpuStallRatio: 0.75 }, ['some task, ours included, waited for a CPU in 75 % of the time']],
  [
    { cpuStallRatio: 0.75, runQueueNs: 12.3e9 },
    ['some task, ours included, waited for a CPU in 75 % of the time, 12.3 s by all together'],
  ],
  [{ calibrationNs: 125 }, ['a fixed piece of work took 25 % longer after than before']],
  [{ calibrationNs: 80 }, ['a fixed piece of work took 20 % shorter after than before']],
] as const)('warnings of %j', ([seen, warnings]) => {
  expect(machineWarnings(quiet, { ...quiet, ...seen })).toEqual(warnings);
});
