import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import {
  type LoadReading,
  loadBetween,
  parseOwnTicks,
  parseRunQueueNs,
  parseStalledUs,
  readLoad,
} from './foreign-load.ts';

const pressure = `some avg10=1.79 avg60=10.63 avg300=26.04 total=7651941913
full avg10=0.00 avg60=0.00 avg300=0.00 total=12
`;

const schedstat = `version 17
timestamp 4295012345
cpu0 0 0 0 0 0 0 5000000000 700 90
domain0 MC 3 0 0 0 0 0 0 0 4
cpu11 0 0 0 0 0 0 6000000000 41 80
`;

test('our own time is that of the process and of the children that ended', () => {
  const text = '4711 (a) S 9) S 1 4711 4711 0 -1 4194560 900 0 0 0 123 45 7 8 20 0 9 0 1000 0 0';
  expect(parseOwnTicks(text)).toBe(183);
});

test('stalls are those of the line "some", and none where the kernel has no such file', () => {
  expect(parseStalledUs(pressure)).toBe(7_651_941_913);
  expect(parseStalledUs(undefined)).toBeNull();
  expect(parseStalledUs('full avg10=0.00 avg60=0.00 avg300=0.00 total=12\n')).toBeNull();
});

test('waits in run queues are summed over the CPUs that may be used', () => {
  expect(parseRunQueueNs(schedstat, [0, 11])).toBe(741);
  expect(parseRunQueueNs(schedstat, [11])).toBe(41);
  expect(parseRunQueueNs(schedstat, [1])).toBeNull();
  expect(parseRunQueueNs(undefined, [0])).toBeNull();
  expect(parseRunQueueNs('version 17\n', [0])).toBeNull();
});

const before: LoadReading = {
  ...{ clockNs: 0, cpu: { total: 1_000, steal: 0, task: 500 }, ownTicks: 100 },
  ...{ stalledUs: 4_000_000, runQueueNs: 70 },
};
const after: LoadReading = {
  ...{ clockNs: 10e9, cpu: { total: 3_000, steal: 0, task: 1_500 }, ownTicks: 400 },
  ...{ stalledUs: 9_000_000, runQueueNs: 90 },
};

test('between two readings: foreign CPU time of all, stalls of the time that passed', () => {
  expect(loadBetween(before, after)).toEqual({
    ...{ foreignCpuRatio: 0.35, cpuStallRatio: 0.5, runQueueNs: 20 },
  });
});

test('without a first reading nothing is known, and what the kernel lacks stays unknown', () => {
  const unknown = { foreignCpuRatio: null, cpuStallRatio: null, runQueueNs: null };
  expect(loadBetween(undefined, after)).toEqual(unknown);
  expect(loadBetween(before, before)).toMatchObject({ foreignCpuRatio: null, cpuStallRatio: null });
  const bare = loadBetween(before, { ...after, stalledUs: null, runQueueNs: null });
  expect(bare).toEqual({ ...unknown, foreignCpuRatio: 0.35 });
});

test('more time of our own than the machine tells is no foreign time', () => {
  expect(loadBetween(before, { ...after, ownTicks: 5_000 }).foreignCpuRatio).toBe(0);
});

test('a child’s work is our own once it has ended', async () => {
  const first = await readLoad();
  const work = `
    const spent = () => process.cpuUsage().user + process.cpuUsage().system;
    for (const until = spent() + 300_000; spent() < until; );`;
  expect(spawnSync(process.execPath, ['-e', work]).status).toBe(0);
  const second = await readLoad();
  // 300 ms are 30 ticks, of which rounding may take one of user and one of system time.
  expect(second.ownTicks - first.ownTicks).toBeGreaterThanOrEqual(28);
  expect(second.cpu.total).toBeGreaterThan(first.cpu.total);
});
