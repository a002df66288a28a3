import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ArmBuild } from '../build/arm-builds.ts';
import { rootDir } from '../lib/paths.ts';
import { arms, type ByArm, eachArm } from '../scenario/arm.ts';
import { FreshCopies } from './fresh-copy.ts';

let gateDir = '';
let builds: ByArm<ArmBuild>;

beforeEach(async () => {
  gateDir = await mkdtemp(join(tmpdir(), 'pollgate-copies-'));
  const letters = { base: 'b', control: 'c', head: 'a' };
  for (const arm of arms) {
    const path = join(gateDir, 'key', letters[arm], 'server');
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `#!/bin/sh\necho ${arm}\n`, { mode: 0o755 });
  }
  builds = eachArm((arm) => ({
    ...{ name: 'server', path: relative(rootDir, join(gateDir, 'key', letters[arm], 'server')) },
    ...{ sha256: 'a'.repeat(64), goVersion: 'go1.26.8', netpoller: 'epoll', flags: [] },
    ...{ inputsSha256: 'b'.repeat(64), revision: 'c'.repeat(40), dirty: false },
  }));
});
afterEach(() => rm(gateDir, { recursive: true, force: true }));

const runs = async () => (await readdir(gateDir)).filter((name) => name.startsWith('run-'));

test('new files for every round, of equal paths but for a letter; three are there at a time', async () => {
  const copies = await FreshCopies.open(gateDir);
  const first = await copies.make(builds);
  for (const arm of arms) {
    const path = join(rootDir, first[arm].path);
    expect(spawnSync(path, { encoding: 'utf8' }).stdout).toBe(`${arm}\n`);
    expect((await stat(path)).ino).not.toBe((await stat(join(rootDir, builds[arm].path))).ino);
    expect({ ...first[arm], path: builds[arm].path }).toEqual(builds[arm]);
  }
  const second = await copies.make(builds);
  const paths = arms.map((arm) => second[arm].path);
  expect(new Set(paths.map((path) => path.replace(/\/[abc]\/server$/, ''))).size).toBe(1);
  expect(new Set([...paths, first.head.path].map((path) => path.length)).size).toBe(1);
  expect(paths).not.toContain(first.head.path);
  await expect(readFile(join(rootDir, first.head.path))).rejects.toThrow('ENOENT');

  await copies.close();
  expect(await runs()).toEqual([]);
});

test('what a killed run left goes, what a running one has stays', async () => {
  const gone = spawnSync('true').pid;
  for (const pid of [gone, process.ppid]) {
    await mkdir(join(gateDir, `run-${pid}`, '0001'), { recursive: true });
  }
  const copies = await FreshCopies.open(gateDir);
  expect(await runs()).toEqual([`run-${process.ppid}`]);
  await copies.close();
  expect(await readdir(join(gateDir, 'key'))).toHaveLength(3);
});

test('the end of the process removes them as well', () => {
  const module = join(rootDir, 'harness', 'run', 'fresh-copy.ts');
  const program = `
    const { FreshCopies } = await import(${JSON.stringify(module)});
    const copies = await FreshCopies.open(${JSON.stringify(gateDir)});
    await copies.make(${JSON.stringify(builds)});
    const { existsSync } = await import('node:fs');
    console.log(existsSync(${JSON.stringify(gateDir)} + '/run-' + process.pid + '/0001/a/server'));
    process.exit(130);`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  expect([stdout.trim(), status]).toEqual(['true', 130]);
  return expect(runs()).resolves.toEqual([]);
});

test('a binary that is not there', async () => {
  const copies = await FreshCopies.open(gateDir);
  await rm(join(rootDir, builds.control.path));
  await expect(copies.make(builds)).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining('ENOENT'),
  });
  await copies.close();
});
