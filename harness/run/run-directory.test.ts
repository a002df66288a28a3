import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { makeRunDirectory, makeRunId, runFiles } from './run-directory.ts';

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

test('two runs of one second have folders of their own', async () => {
  const reports = join(await temporaryDir(), 'made', 'with it');
  const at = new Date('2026-01-01T00:00:00Z');
  const runs = [
    await makeRunDirectory(reports, at, 'io_uring'),
    await makeRunDirectory(reports, at, 'io_uring'),
  ];
  const ids = ['20260101T000000Z-io_uring', '20260101T000000Z.2-io_uring'];
  expect(runs).toEqual(ids.map((runId) => ({ runId, runDir: join(reports, runId) })));
  expect(ids.toSorted()).toEqual(ids);
});

test('reports that cannot be written are refused with what to do', async () => {
  const file = join(await temporaryDir(), 'file');
  await writeFile(file, '');
  const at = new Date();
  const wrong = { exitCode: 2, remedy: expect.stringContaining('--reports') };
  await expect(makeRunDirectory(file, at, 's')).rejects.toMatchObject(wrong);
  await expect(makeRunDirectory(join(file, 'below'), at, 's')).rejects.toMatchObject(wrong);
  const tooLong = join(await temporaryDir(), 'x'.repeat(300));
  await expect(makeRunDirectory(tooLong, at, 's')).rejects.toMatchObject({ exitCode: 4 });
});

async function temporaryDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-reports-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return dir;
}
