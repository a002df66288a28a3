import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readRevision } from './revision.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-revision-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function git(...args: string[]): string {
  const names = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  return spawnSync('git', ['-C', dir, ...names, ...args], { encoding: 'utf8' }).stdout.trim();
}

test('the revision of another checkout, and whether files differ from it', async () => {
  git('init', '--quiet');
  git('commit', '--quiet', '--allow-empty', '--message=first');
  const revision = git('rev-parse', 'HEAD');
  expect(revision).toMatch(/^[0-9a-f]{40}$/);
  expect(await readRevision(dir)).toEqual({ revision, dirty: false });
  await writeFile(join(dir, 'new'), '');
  expect(await readRevision(dir)).toEqual({ revision, dirty: true });
});

test.for(['', 'none'])('no checkout: unknown («%s»)', async (name) => {
  expect(await readRevision(join(dir, name))).toEqual({ revision: 'unknown', dirty: true });
});
