import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { lockMeasuring } from './lock.ts';

async function temporaryLock(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-lock-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  return join(dir, 'cache', 'run.lock');
}

test('a second run is told who measures, until the first one has ended', async () => {
  const path = await temporaryLock();
  const release = await lockMeasuring(path);
  await expect(lockMeasuring(path)).rejects.toMatchObject({
    message: `Another run, pid ${process.pid}, measures on this machine.`,
    exitCode: 4,
  });
  release();
  await expect(access(path)).rejects.toThrow('ENOENT');
  (await lockMeasuring(path))();
});

test.for([
  ['of a process that is gone', '4194305 17'],
  ['whose pid another process has now', `${process.pid} 1`],
  ['that was never finished', ''],
])('a lock %s is taken over', async ([, content]) => {
  const path = await temporaryLock();
  (await lockMeasuring(path))();
  await writeFile(path, content as string);
  const release = await lockMeasuring(path);
  expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+\n$`));
  release();
});
