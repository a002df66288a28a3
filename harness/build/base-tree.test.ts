import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkOutBase, mergeBase, repositoryRoot } from './base-tree.ts';

// Real repositories, with what git itself does to them.

let root = '';
let repository = '';
let cacheDir = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pollgate-base-'));
  repository = join(root, 'their repository');
  cacheDir = join(root, 'cache');
  await execa('git', ['init', '--quiet', '--initial-branch=main', repository]);
  await commit({ 'a.txt': 'one', 'deep/b.txt': 'b', '.gitattributes': 'a.txt export-ignore\n' });
});
afterEach(async () => {
  delete process.env['GIT_DIR'];
  await rm(root, { recursive: true, force: true });
});

async function run(dir: string, ...args: string[]): Promise<string> {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
  const { stdout } = await execa('git', ['-C', dir, ...identity, ...args]);
  return stdout;
}

async function commit(files: Record<string, string>, dir = repository): Promise<string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  await run(dir, 'add', '--all');
  await run(dir, 'commit', '--quiet', '-m', 'change');
  return run(dir, 'rev-parse', 'HEAD');
}

const lookUp = (revision: string, dir = repository) =>
  checkOutBase({ repository: dir, revision, cacheDir });

test('an earlier revision as it was, whatever the working tree has', async () => {
  await chmod(join(repository, 'deep/b.txt'), 0o755);
  const first = await commit({ 'a.txt': 'one' });
  await commit({ 'a.txt': 'two', 'new.txt': '' });
  await writeFile(join(repository, 'a.txt'), 'not committed');
  const before = await run(repository, 'status', '--porcelain');

  const tree = await lookUp('HEAD~1');

  expect(tree).toEqual({ dir: join(cacheDir, 'base', first), revision: first });
  expect(await readFile(join(tree.dir, 'a.txt'), 'utf8')).toBe('one');
  expect((await stat(join(tree.dir, 'deep/b.txt'))).mode & 0o111).not.toBe(0);
  expect((await readdir(tree.dir)).sort()).toEqual(['.gitattributes', 'a.txt', 'deep']);
  expect(await run(repository, 'status', '--porcelain')).toBe(before);
  expect((await run(repository, 'worktree', 'list')).split('\n')).toHaveLength(1);
  expect(await readdir(join(cacheDir, 'base'))).toEqual([first]);
});

test('branch, tag of its own, and hash are one tree, laid out once', async () => {
  await run(repository, 'tag', '-a', 'v1', '-m', 'first');
  const { dir, revision } = await lookUp('main');
  const { ino } = await stat(dir);
  for (const name of ['v1', revision.slice(0, 10), 'HEAD']) {
    expect(await lookUp(name)).toEqual({ dir, revision });
  }
  expect((await stat(dir)).ino).toBe(ino);
});

test.for([
  ['a changed file', (dir: string) => writeFile(join(dir, 'a.txt'), 'two')],
  ['a missing file', (dir: string) => rm(join(dir, 'deep/b.txt'))],
  ['a file too many', (dir: string) => writeFile(join(dir, 'deep/extra.go'), 'package extra')],
] as const)('%s in a tree that was there: it is laid out anew', async ([, spoil]) => {
  const { dir } = await lookUp('HEAD');
  await spoil(dir);
  await lookUp('HEAD');
  expect(await readFile(join(dir, 'a.txt'), 'utf8')).toBe('one');
  expect(await readdir(join(dir, 'deep'))).toEqual(['b.txt']);
});

test('what a killed attempt left does not matter', async () => {
  const gone = (await execa('sh', ['-c', 'echo $$'])).stdout;
  const left = join(cacheDir, 'base', `.staging-${gone}-abcdef`, 'tree');
  await mkdir(left, { recursive: true });
  const { dir } = await lookUp('HEAD');
  expect(await readdir(join(cacheDir, 'base'))).toEqual([dir.slice(dir.lastIndexOf('/') + 1)]);
});

test('a folder below the root, and a hook’s own GIT_DIR', async () => {
  process.env['GIT_DIR'] = join(root, 'elsewhere');
  expect(await repositoryRoot(join(repository, 'deep'))).toBe(repository);
  const { dir } = await lookUp('HEAD', join(repository, 'deep'));
  expect(await readdir(dir)).toContain('deep');
});

test('no repository', async () => {
  await expect(lookUp('HEAD', root)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining(`${root} lies in no git repository`),
  });
});

test.for([
  ['no-such-branch', 'branch --all'],
  ['--help', 'branch --all'],
])('an unknown revision: %s', async ([name, remedy]) => {
  await expect(lookUp(String(name))).rejects.toMatchObject({
    exitCode: 2,
    message: `${JSON.stringify(name)} is no revision of the repository ${repository}.`,
    remedy: expect.stringContaining(String(remedy)),
  });
});

test('a shallow clone: its own revision can be had, for others it says what to fetch', async () => {
  const old = await run(repository, 'rev-parse', 'HEAD');
  await commit({ 'a.txt': 'two' });
  const shallow = join(root, 'shallow');
  await execa('git', ['clone', '--quiet', '--depth=1', `file://${repository}`, shallow]);
  const { dir } = await lookUp('HEAD', shallow);
  expect(await readFile(join(dir, 'a.txt'), 'utf8')).toBe('two');
  const at = `git -C ${JSON.stringify(shallow)}`;
  await expect(lookUp(old, shallow)).rejects.toMatchObject({
    remedy: `${at} fetch --unshallow (or: ${at} fetch origin ${old})`,
  });
  await expect(lookUp('origin/topic', shallow)).rejects.toMatchObject({
    remedy: `${at} fetch origin topic:refs/remotes/origin/topic`,
  });
  // A clone of one branch that left an older base: both tips are there, their history is not.
  await run(repository, 'checkout', '--quiet', '-b', 'topic', old);
  await commit({ 'c.txt': 'c' });
  await run(shallow, 'fetch', '--quiet', '--depth=1', 'origin', 'topic:refs/remotes/origin/topic');
  await expect(mergeBase(shallow, { base: 'origin/topic' })).rejects.toMatchObject({
    exitCode: 2,
    remedy: `${at} fetch --unshallow`,
  });
});

test('the merge base: where the head left, and whether the base went on', async () => {
  const left = await run(repository, 'rev-parse', 'HEAD');
  expect(await mergeBase(repository, { base: 'main' })).toEqual({
    ...{ revision: left, asked: left, moved: false },
  });
  const on = await commit({ 'a.txt': 'two' });
  await run(repository, 'checkout', '--quiet', '-b', 'topic', left);
  await commit({ 'c.txt': 'c' });
  const found = { revision: left, asked: on, moved: true };
  expect(await mergeBase(repository, { base: 'main' })).toEqual(found);
  expect(await mergeBase(repository, { head: 'topic', base: on })).toEqual(found);
});

test('unrelated histories have none', async () => {
  await run(repository, 'checkout', '--quiet', '--orphan', 'other');
  await commit({ 'c.txt': 'c' });
  await expect(mergeBase(repository, { base: 'main' })).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('no common commit'),
    remedy: expect.stringContaining('git log'),
  });
});
