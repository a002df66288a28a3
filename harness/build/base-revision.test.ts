import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isReservedBase, lastRelease, recordedRevision } from './base-revision.ts';

// Real repositories, with what git itself does to them.

let root = '';
let repository = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pollgate-base-revision-'));
  repository = join(root, 'repository');
  await execa('git', ['init', '--quiet', '--initial-branch=main', repository]);
  await commit('one');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run(dir: string, ...args: string[]): Promise<string> {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
  const { stdout } = await execa('git', ['-C', dir, ...identity, ...args]);
  return stdout;
}

async function commit(text: string): Promise<string> {
  await writeFile(join(repository, 'a.txt'), text);
  await run(repository, 'add', '--all');
  await run(repository, 'commit', '--quiet', '-m', text);
  return run(repository, 'rev-parse', 'HEAD');
}

const recorded = (revision: string, dir = repository) =>
  recordedRevision(dir, { path: 'baselines/s/x.json', suite: 's', revision });

/** What is seen of a refusal. */
async function refusal(promise: Promise<unknown>) {
  const error = await promise.catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'PollgateError', exitCode: 6 });
  const { message, remedy } = error as { message: string; remedy: string };
  expect(message).toMatch(/^Incomparable: /);
  return { message, remedy };
}

test('a recorded commit of the default branch is the base', async () => {
  const one = await run(repository, 'rev-parse', 'HEAD');
  await commit('two');
  await run(repository, 'switch', '--quiet', '-c', 'feature');
  await commit('three');
  expect(await recorded(one)).toBe(one);
});

test.each(['0123456789abcdef0123456789abcdef01234567', 'unknown', 'main', ''])(
  'a recorded revision %j that is no commit of the repository',
  async (revision) => {
    const { message, remedy } = await refusal(recorded(revision));
    expect(message).toContain('is no commit of');
    expect(message).toContain('baselines/s/x.json');
    expect(remedy).toContain('npm run baseline -- accept s');
  },
);

test('in a shallow clone the history is to be fetched first', async () => {
  const one = await run(repository, 'rev-parse', 'HEAD');
  await commit('two');
  const clone = join(root, 'clone');
  await execa('git', ['clone', '--quiet', '--depth=1', `file://${repository}`, clone]);
  const { remedy } = await refusal(recorded(one, clone));
  expect(remedy).toContain('fetch --unshallow');
  await run(clone, 'fetch', '--quiet', '--unshallow');
  expect(await recorded(one, clone)).toBe(one);
});

test('a commit that only a branch leads to can vanish', async () => {
  await run(repository, 'switch', '--quiet', '-c', 'feature');
  const lost = await commit('two');
  const { message, remedy } = await refusal(recorded(lost));
  expect(message).toContain('not reachable from main');
  expect(remedy).toContain('npm run baseline -- accept s');
});

test('the default branch of the remote counts, not a stale one of that name here', async () => {
  const clone = join(root, 'clone');
  await execa('git', ['clone', '--quiet', repository, clone]);
  const two = await commit('two');
  await run(clone, 'fetch', '--quiet');
  await run(clone, 'switch', '--quiet', '--detach', 'origin/main');
  expect(await recorded(two, clone)).toBe(two);
});

test('a repository without any default branch', async () => {
  const one = await run(repository, 'rev-parse', 'HEAD');
  await run(repository, 'branch', '-m', 'trunk');
  expect((await refusal(recorded(one))).message).toContain('no origin/HEAD, origin/main or main');
});

test('a head that was not made from the recorded commit', async () => {
  await run(repository, 'switch', '--quiet', '-c', 'feature');
  await run(repository, 'switch', '--quiet', 'main');
  const two = await commit('two');
  await run(repository, 'switch', '--quiet', 'feature');
  const { message, remedy } = await refusal(recorded(two));
  expect(message).toContain('HEAD was not made from');
  expect(remedy).toContain('rebase main');
});

test('the last release is the nearest tag that HEAD was made from', async () => {
  const one = await run(repository, 'rev-parse', 'HEAD');
  await run(repository, 'tag', 'v1');
  await commit('two');
  await run(repository, 'switch', '--quiet', '-c', 'other');
  await commit('three');
  await run(repository, 'tag', '-a', '-m', 'v9', 'v9');
  await run(repository, 'switch', '--quiet', 'main');
  expect(await lastRelease(repository)).toEqual({ tag: 'v1', revision: one });
  await run(repository, 'switch', '--quiet', 'other');
  const nine = await run(repository, 'rev-parse', 'HEAD');
  // A release itself is held against the one before.
  expect(await lastRelease(repository)).toEqual({ tag: 'v1', revision: one });
  await commit('four');
  // The commit, not the annotation.
  expect(await lastRelease(repository)).toEqual({ tag: 'v9', revision: nine });
});

test('without a tag there is no release', async () => {
  const { message, remedy } = await refusal(lastRelease(repository));
  expect(message).toContain('is reachable from HEAD');
  expect(remedy).toContain('fetch --tags');
});

test('the reserved words, and what only looks like one', () => {
  expect(['baseline', 'release'].every(isReservedBase)).toBe(true);
  expect(['refs/heads/baseline', 'Baseline', 'v1', ''].some(isReservedBase)).toBe(false);
});
