import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';
import { makeScenario } from '../test/evidence.ts';
import { binaryPath, buildPrograms, type Program } from './go-build.ts';
import { findGo } from './go-toolchain.ts';
import { scenarioPrograms } from './programs.ts';

// The real toolchain, which set-up needs anyway.

const timeout = 120_000;
const sources = {
  'go.mod': 'module example.com/app\n\ngo 1.26\n',
  'main.go': 'package main\n\nfunc main() { println("root") }\n',
  'a/server/main.go': 'package main\n\nfunc main() { println("a") }\n',
  'b/server/main.go': 'package main\n\nfunc main() { println("b") }\n',
  'broken/main.go': 'package main\n\nfunc main() { undefinedName() }\n',
  'library/library.go': 'package library\n',
};

let dir = '';
const made: Program[] = [];
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-build-'));
  for (const [name, text] of Object.entries(sources)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
});
afterAll(async () => {
  for (const path of made.map(binaryPath)) {
    await rm(path, { force: true });
    await rm(`${path}.json`, { force: true });
  }
  await rm(dir, { recursive: true, force: true });
});

/** Builds the packages of the module, each as a variant of its own. */
async function build(...paths: string[]) {
  const variants = paths.map((path, index) => {
    return [`v${index}`, { package: { moduleDir: '.', path }, ready: { timeoutMs: 1 } }] as const;
  });
  const scenario = { ...makeScenario(), variants: Object.fromEntries(variants) };
  const path = join(dir, 'own.json');
  const programs = scenarioPrograms([{ suite: 'own', id: 'own', path, scenario }]);
  made.push(...programs);
  return buildPrograms(await findGo(), programs, () => {});
}

test('the root of a module, and packages of the same name', { timeout }, async () => {
  const { builds } = await build('.', './a/server', './b/server');
  const run = promisify(execFile);
  const said = await Promise.all(builds.map(({ path }) => run(join(rootDir, path))));
  expect(said.map(({ stderr }) => stderr.trim())).toEqual(['root', 'a', 'b']);
  for (const { inputsSha256, sha256 } of builds) {
    expect(inputsSha256).toBe(sha256);
  }
});

test('a module of the user’s is always built', { timeout }, async () => {
  // Its sources may lie outside its folder: only the go command's cache knows.
  await build('.');
  expect((await build('.')).built).toBe(1);
});

test.for([
  ['./none', /directory not found/],
  ['./library', /go list finds library$/],
  ['./...', /go list finds main, main, main, main, library$/],
  ['example.com/other', /package example\.com\/other/],
])('a package that is no program is the scenario’s fault: %s', { timeout }, async ([path, why]) => {
  const failure = build(String(path));
  await expect(failure).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringMatching(why as RegExp),
    remedy: `cd ${JSON.stringify(dir)} && go list ./...`,
  });
  await expect(failure).rejects.toThrow(
    `${join(dir, 'own.json')} is not valid:\n  /variants/v0/package/path: ${JSON.stringify(path)} seen`,
  );
});

test('a compile error: the compiler’s words and a command that can be run', {
  timeout,
}, async () => {
  await expect(build('./broken')).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining('undefined: undefinedName'),
    remedy: `cd ${JSON.stringify(dir)} && go build -o /dev/null ./broken`,
  });
});
