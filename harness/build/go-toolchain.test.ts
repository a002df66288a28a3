import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PollgateError } from '../lib/errors.ts';
import { cacheDir } from '../lib/paths.ts';
import { findGo, findGoRelease, goInstallCommand, runGo } from './go-toolchain.ts';

let dir = '';
let before: NodeJS.ProcessEnv = {};
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-go-'));
  before = { ...process.env };
});
afterEach(async () => {
  process.env = before;
  await rm(dir, { recursive: true, force: true });
});

/** Puts a `go` first on PATH that is a shell script. */
async function fakeGo(script: string): Promise<void> {
  const path = join(dir, 'go');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  process.env['PATH'] = `${dir}${delimiter}${process.env['PATH']}`;
}

async function refusal(): Promise<PollgateError> {
  const error = await findGo().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PollgateError)) {
    throw new Error(`no PollgateError but ${error}`);
  }
  expect(error.exitCode).toBe(2);
  return error;
}

test('without a go command: what is needed and the one command that gets it', async () => {
  process.env['PATH'] = dir;
  const { message, remedy } = await refusal();
  expect(message).toBe('Go >= 1.26 is needed and no go command was found on PATH.');
  expect(remedy).toBe(goInstallCommand);
  expect(remedy).toMatch(
    /^curl -fsSL https:\/\/go\.dev\/dl\/go1\.26\.\d+\.linux-(amd64|arm64)\.tar\.gz /,
  );
});

test.for(['go1.25.9', 'go1.4', 'go0.99', 'devel +abc', ''])(
  'too old or unknown: «%s»',
  async (version) => {
    await fakeGo(`echo '{"GOVERSION":"${version}","GOHOSTARCH":"amd64","GOROOT":"/go"}'`);
    const { message, remedy } = await refusal();
    expect(message).toBe(
      `Go >= 1.26 is needed, ${version || 'an unknown version'} was found on PATH.`,
    );
    expect(remedy).toBe(goInstallCommand);
  },
);

test.for([
  'go1.26',
  'go1.26.8',
  'go1.27rc1',
  'go1.100.1',
  'go2.0',
  'go1.26.1 X:nocoverageredesign',
])('new enough: %s', async (version) => {
  await fakeGo(`echo '{"GOVERSION":"${version}","GOHOSTARCH":"arm64","GOROOT":"/go"}'`);
  expect(await findGo()).toMatchObject({ version, arch: 'arm64', goroot: '/go' });
});

test('a go that fails is not called missing; its own words are shown', async () => {
  await fakeGo('echo "go: cannot find GOROOT directory: /usr/lib/go" >&2; exit 2');
  const { message } = await refusal();
  expect(message).toBe(
    'Go >= 1.26 is needed and the go command on PATH fails:\n  go: cannot find GOROOT directory: /usr/lib/go',
  );
});

test('a go that says something else than JSON is an error with a name', async () => {
  await fakeGo('echo hello');
  expect((await refusal()).message).toMatch(/^The output of go env is not JSON: /);
});

// From here on the real toolchain, which set-up needs anyway.

test('flags of the shell and of the go env file have no effect on a build', {
  timeout: 60_000,
}, async () => {
  const goEnv = join(dir, 'go.env');
  await writeFile(goEnv, 'GOFLAGS=-toolexec=/bin/false\nCGO_ENABLED=1\n');
  Object.assign(process.env, {
    GOENV: goEnv,
    GOFLAGS: '-toolexec=/bin/false',
    GOWORK: join(dir, 'go.work'),
    GODEBUG: 'gctrace=1',
    GOAMD64: 'v3',
    GOARCH: 'riscv64',
    GOOS: 'plan9',
    GOROOT: join(dir, 'no-such-root'),
    GOTOOLCHAIN: 'go1.99.0',
    GOEXPERIMENT: 'nosuch',
  });
  const go = await findGo();
  expect(go.env).toMatchObject({
    GOENV: 'off',
    GOFLAGS: '-mod=readonly -modcacherw',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
  });
  for (const name of ['GODEBUG', 'GOAMD64', 'GOARCH', 'GOOS', 'GOROOT', 'GOEXPERIMENT']) {
    expect(go.env).not.toHaveProperty(name);
  }
  expect(go.arch).toBe({ x64: 'amd64', arm64: 'arm64' }[process.arch as string]);
  expect(go.goroot).not.toContain('no-such-root');
  const names = ['GOFLAGS', 'GOENV', 'GOWORK', 'GOARCH', 'GOOS', 'CGO_ENABLED', 'GOEXPERIMENT'];
  expect((await runGo(go, dir, ['env', ...names])).split('\n')).toEqual([
    '-mod=readonly -modcacherw',
    '', // How go env says «off».
    'off',
    go.arch,
    'linux',
    '0',
    '',
  ]);
});

test('where modules come from is the user’s choice, also in the go env file', async () => {
  const goEnv = join(dir, 'go.env');
  await writeFile(goEnv, 'GOPROXY=https://proxy.example\nGOPRIVATE=example.com\n');
  delete process.env['GOPROXY'];
  delete process.env['GOPRIVATE'];
  process.env['GOENV'] = goEnv;
  process.env['HTTPS_PROXY'] = 'http://proxy.example:3128';
  expect((await findGo()).env).toMatchObject({
    GOPROXY: 'https://proxy.example',
    GOPRIVATE: 'example.com',
    HTTPS_PROXY: 'http://proxy.example:3128',
  });
});

test('all that Go writes lies in the clone’s cache', async () => {
  const { env } = await findGo();
  for (const name of ['GOCACHE', 'GOMODCACHE', 'GOPATH', 'XDG_CONFIG_HOME']) {
    expect(env[name]?.startsWith(join(cacheDir, 'go')), name).toBe(true);
  }
});

test('a build that fails shows the compiler’s words and how to repeat it', {
  timeout: 60_000,
}, async () => {
  const go = await findGo();
  const moduleDir = join(dir, 'a module');
  await mkdir(moduleDir);
  await writeFile(join(moduleDir, 'go.mod'), 'module example.com/broken\n\ngo 1.26\n');
  await writeFile(join(moduleDir, 'main.go'), 'package main\n\nfunc main() { undefinedName() }\n');
  const error = await runGo(go, moduleDir, ['vet', './...']).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'PollgateError', exitCode: 4 });
  const { message, remedy } = error as PollgateError;
  expect(message).toContain(`go vet failed in ${moduleDir}:\n  `);
  expect(message).toContain('undefined: undefinedName');
  expect(remedy).toBe(`cd ${JSON.stringify(moduleDir)} && go vet ./...`);
});

test('another release: this one is here, a wrong word is refused, one that nobody has cannot be had', async () => {
  const go = await findGo();
  expect(await findGoRelease(go, go.version)).toBe(go);
  for (const wrong of ['1.26.7', 'go1.26.7+auto', 'latest', 'path', '']) {
    await expect(findGoRelease(go, wrong), wrong).rejects.toMatchObject({ exitCode: 2 });
  }
  await expect(findGoRelease(go, 'go1.26.999')).rejects.toMatchObject({
    exitCode: 6,
    message: expect.stringContaining('go1.26.999 cannot be had here:'),
  });
});
