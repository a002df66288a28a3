import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';
import { arms } from '../scenario/arm.ts';
import { type ArmBuild, buildArms, drawLetters } from './arm-builds.ts';
import { fixturesModule, type Program } from './go-build.ts';
import { findGo } from './go-toolchain.ts';
import { hashFile } from './hash.ts';

// The real toolchain on a small repository; one test builds a fixture of ours.

const timeout = 180_000;
const letters = { base: 'b', control: 'c', head: 'a' } as const;
let root = '';
let repository = '';
let cache = '';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pollgate-arms-'));
  repository = join(root, 'theirs');
  cache = join(root, 'cache');
  await write('server/go.mod', 'module example.com/server\n\ngo 1.26\n');
  await write('server/cmd/own/main.go', says('as it was'));
  await run('init', '--quiet', '--initial-branch=main');
  await commit();
  await write('server/cmd/own/main.go', says('as it is'));
  await write('server/cmd/late/main.go', says('new'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const says = (text: string) => `package main\n\nfunc main() { println("${text}") }\n`;

async function write(name: string, text: string): Promise<void> {
  await mkdir(dirname(join(repository, name)), { recursive: true });
  await writeFile(join(repository, name), text);
}

async function run(...args: string[]): Promise<void> {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
  await execa('git', ['-C', repository, ...identity, ...args]);
}

async function commit(): Promise<void> {
  await run('add', '--all');
  await run('commit', '--quiet', '-m', 'change');
}

function own(name = 'own'): Program {
  return {
    ...{ name: `${name}-01234567`, netpoller: 'epoll', package: `./cmd/${name}` },
    moduleDir: join(repository, 'server'),
    place: { file: 'own.json', jsonPath: '/variants/v/package/path' },
  };
}

async function wordsOf({ path }: ArmBuild): Promise<string> {
  return (await execa(join(rootDir, path))).stderr;
}

test('a user’s module: base and control as it was, head as it is', { timeout }, async () => {
  const { builds, built } = await buildArms(await findGo(), {
    ...{ program: own(), base: 'main', letters, cache },
  });
  expect(built).toBe(3);
  expect(await wordsOf(builds.base)).toBe('as it was');
  expect(await wordsOf(builds.control)).toBe('as it was');
  expect(await wordsOf(builds.head)).toBe('as it is');
  expect(arms.map((arm) => builds[arm].dirty)).toEqual([false, false, true]);
  expect(new Set(arms.map((arm) => builds[arm].path.length)).size).toBe(1);
  expect(new Set(arms.map((arm) => dirname(dirname(builds[arm].path)))).size).toBe(1);
  expect(builds.head.path).toMatch(/\/gate\/[0-9a-f]{12}\/a\/own-01234567$/);
  expect(builds.base.sha256).toBe(builds.control.sha256);
  expect(builds.base.sha256).not.toBe(builds.head.sha256);
});

test('base and control may have another Go than the head', { timeout }, async () => {
  const go = await findGo();
  const baseGo = { ...go, version: `${go.version}-other` };
  const { builds } = await buildArms(go, {
    ...{ program: own(), base: 'main', baseGo, letters, cache: join(root, 'other cache') },
  });
  expect(arms.map((arm) => builds[arm].goVersion)).toEqual([
    ...[baseGo.version, baseGo.version, go.version],
  ]);
});

test('the base does not have the program: its folder is named', { timeout }, async () => {
  const late = buildArms(await findGo(), {
    ...{ program: own('late'), base: 'main', letters, cache },
  });
  await expect(late).rejects.toMatchObject({
    exitCode: 6,
    message: expect.stringMatching(
      /^Incomparable: the base main \([0-9a-f]{12}\) .* no folder server\/cmd\/late\./,
    ),
  });
});

test('a fixture: built once, whichever letters are drawn', { timeout }, async () => {
  // A repository that holds our fixtures as a clone does, without its history.
  const clone = join(root, 'clone');
  await cp(fixturesModule, join(clone, 'go-fixtures'), { recursive: true });
  await execa('git', ['-C', clone, 'init', '--quiet', '--initial-branch=main']);
  repository = clone;
  await commit();
  await write('go-fixtures/cmd/fd-leak/main.go', says('changed'));
  const program: Program = {
    ...{ name: 'fd-leak', netpoller: 'epoll', package: './cmd/fd-leak' },
    moduleDir: join(clone, 'go-fixtures'),
  };
  const go = await findGo();
  const first = await buildArms(go, { program, base: 'HEAD', letters, cache });
  const other = { base: 'a', control: 'b', head: 'c' } as const;
  const second = await buildArms(go, { program, base: 'HEAD', letters: other, cache });

  expect([first.built, second.built]).toEqual([3, 0]);
  expect(first.builds.base.inputsSha256).toBe(first.builds.control.inputsSha256);
  expect(first.builds.base.inputsSha256).not.toBe(first.builds.head.inputsSha256);
  for (const arm of arms) {
    const { path, sha256 } = second.builds[arm];
    expect(path).toContain(`/${other[arm]}/`);
    expect(await hashFile(join(rootDir, path))).toBe(sha256);
    expect(sha256).toBe(first.builds[arm].sha256);
  }
  expect(await wordsOf(second.builds.head)).toBe('changed');
  await write('go-fixtures/cmd/fd-leak/main.go', says('changed again'));
  const third = await buildArms(go, { program, base: 'HEAD', letters, cache });
  expect(third.built).toBe(1);
  expect(await readFile(join(clone, 'go-fixtures/cmd/fd-leak/main.go'), 'utf8')).toContain('again');
});

test('letters: a permutation, the same for a seed, and each program has each of them', () => {
  const drawn = Array.from({ length: 600 }, (_, seed) => drawLetters(String(seed)));
  const names = drawn.map((each) => arms.map((arm) => each[arm]).join(''));
  expect(drawLetters('7')).toEqual(drawn[7]);
  const counts = Map.groupBy(names, (name) => name);
  expect([...counts.keys()].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  for (const each of counts.values()) {
    // 100 expected with a standard deviation of 9.
    expect(Math.abs(each.length - 100)).toBeLessThan(40);
  }
});
