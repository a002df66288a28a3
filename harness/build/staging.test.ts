import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { inStaging } from './staging.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-staging-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

test('what killed builds left goes, what a running one has stays', async () => {
  const gone = spawnSync('true').pid;
  const running = `.staging-${process.ppid}-abcdef`;
  for (const name of [`.staging-${gone}-abcdef`, '.staging-x1Yz9Q', running, 'loadgen']) {
    await mkdir(join(dir, name));
    await writeFile(join(dir, name, 'half'), '');
  }
  const seen = await inStaging(dir, () => readdir(dir));
  const own = expect.stringMatching(`^\\.staging-${process.pid}-`);
  expect(seen).toHaveLength(3);
  expect(seen).toEqual(expect.arrayContaining([running, own, 'loadgen']));
  expect((await readdir(dir)).sort()).toEqual([running, 'loadgen'].sort());
});

test('the folder goes when its use fails', async () => {
  await expect(inStaging(dir, () => Promise.reject(new Error('full')))).rejects.toThrow('full');
  expect(await readdir(dir)).toEqual([]);
});
