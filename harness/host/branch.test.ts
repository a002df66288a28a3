import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readBranch } from './branch.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-branch-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

function git(...args: string[]): void {
  const names = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  expect(spawnSync('git', ['-C', dir, ...names, ...args]).status).toBe(0);
}

function checkout(): void {
  git('init', '--quiet', '--initial-branch=feature/pool');
  git('commit', '--quiet', '--allow-empty', '--message=first');
}

test('a checkout on a branch says which, whatever the environment says', async () => {
  checkout();
  expect(await readBranch(dir, { GITHUB_REF_NAME: 'main' })).toBe('feature/pool');
});

test.for<[env: NodeJS.ProcessEnv, branch: string | undefined]>([
  [{ GITHUB_REF_NAME: 'main', GITHUB_REF_TYPE: 'branch', GITHUB_HEAD_REF: '' }, 'main'],
  [{ GITHUB_REF_NAME: 'v1.2.0', GITHUB_REF_TYPE: 'tag' }, undefined],
  [{ GITHUB_REF_NAME: '12/merge' }, undefined],
  [{ GITHUB_REF_NAME: 'gh-readonly-queue/main/pr-12-ab', GITHUB_REF_TYPE: 'branch' }, undefined],
  [{}, undefined],
])('a detached HEAD with %j is %s', async ([env, branch]) => {
  checkout();
  git('checkout', '--quiet', '--detach');
  expect(await readBranch(dir, env)).toBe(branch);
});

test.for<[from: unknown, branch: string | undefined]>([
  ['shop/web', 'topic'],
  ['fork/web', undefined],
  [undefined, undefined],
])('a pull request from %j', async ([from, branch]) => {
  checkout();
  git('checkout', '--quiet', '--detach');
  const path = join(dir, 'event.json');
  const env = { GITHUB_HEAD_REF: 'topic', GITHUB_REF_NAME: '12/merge', GITHUB_EVENT_PATH: path };
  expect(await readBranch(dir, { ...env, GITHUB_REPOSITORY: 'shop/web' })).toBeUndefined();
  await writeFile(path, JSON.stringify({ pull_request: { head: { repo: { full_name: from } } } }));
  expect(await readBranch(dir, { ...env, GITHUB_REPOSITORY: 'shop/web' })).toBe(branch);
});

test.for(['', 'none'])('no checkout has no branch («%s»)', async (name) => {
  expect(await readBranch(join(dir, name), { GITHUB_REF_NAME: 'main' })).toBeUndefined();
});
