import { expect, test } from 'vitest';
import { makeRunId, runFiles } from './run-directory.ts';

test('a run id is the time in UTC and the suite', () => {
  const at = new Date('2026-11-22T19:15:00.123+01:00');
  expect(makeRunId(at, 'io_uring')).toBe('20261122T181500Z-io_uring');
});

test('run ids sort by time', () => {
  const times = ['2026-09-30T23:59:59Z', '2026-10-01T00:00:00Z', '2027-01-01T00:00:00Z'];
  const ids = times.map((time) => makeRunId(new Date(time), 'fd_leak'));
  expect(ids.toSorted()).toEqual(ids);
});

test('folders of rounds sort by their number', () => {
  const dirs = [1, 9, 10, 99].map((round) => runFiles.roundDir('/run', 'hello', round));
  expect(dirs[0]).toBe('/run/hello/round-01');
  expect(dirs.toSorted()).toEqual(dirs);
});
