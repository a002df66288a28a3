import { join } from 'node:path';
import { arch } from 'node:process';
import { execa } from 'execa';
import Type from 'typebox';
import { infrastructureError, usageError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { cacheDir } from '../lib/paths.ts';
import { incomparableError } from './base-revision.ts';

/** The oldest Go that the fixtures and the netpoller overlay are written for. */
const minimumGo = { major: 1, minor: 26 } as const;
const installedGo = '1.26.8';

/** The one command that puts a right Go on this machine. */
export const goInstallCommand =
  `curl -fsSL https://go.dev/dl/go${installedGo}.linux-${arch === 'arm64' ? 'arm64' : 'amd64'}.tar.gz` +
  ' -o /tmp/go.tgz && sudo rm -rf /usr/local/go && sudo tar -C /usr/local -xzf /tmp/go.tgz && export PATH=/usr/local/go/bin:$PATH';

export interface GoToolchain {
  /** Such as go1.26.8. */
  version: string;
  arch: string;
  goroot: string;
  /** Complete environment for every go command of the harness. */
  env: Record<string, string>;
}

/** What a go command may inherit: nothing that changes what is built, all that a network needs. */
const inherited = [
  'PATH',
  'HOME',
  'TMPDIR',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
];
/** Where modules come from is the user's choice, also when it stands in the go env file. */
const moduleSources = ['GOPROXY', 'GOSUMDB', 'GONOSUMDB', 'GONOPROXY', 'GOPRIVATE', 'GOINSECURE'];

/**
 * Finds the Go toolchain on PATH and the closed environment to run it in.
 * GOENV=off and fixed GOFLAGS keep a -toolexec or -overlay of the user's environment out of a
 * measured binary; caches lie in the clone so that nothing is left elsewhere.
 * @throws PollgateError (usage) where Go is missing or too old, with the command that gets it
 */
export async function findGo(): Promise<GoToolchain> {
  // GOHOSTARCH and not GOARCH: the closed environment builds for this machine whatever is exported.
  const asked = ['GOVERSION', 'GOHOSTARCH', 'GOROOT', ...moduleSources];
  const needed = `Go >= ${minimumGo.major}.${minimumGo.minor} is needed`;
  const result = await execa('go', ['env', '-json', ...asked], {
    reject: false,
    env: { GOTOOLCHAIN: 'local', GOFLAGS: '', GOWORK: 'off', GOROOT: '', GOEXPERIMENT: '' },
  });
  if (result.code === 'ENOENT') {
    throw usageError(`${needed} and no go command was found on PATH.`, goInstallCommand);
  }
  if (result.failed) {
    const said = result.stderr?.trim() || (result.shortMessage ?? 'no output');
    throw usageError(`${needed} and the go command on PATH fails:\n${indent(said)}`, 'go env');
  }
  const source = { name: 'The output of go env', remedy: goInstallCommand, exitCode: 2 as const };
  const found = parseJson(result.stdout, Type.Record(Type.String(), Type.String()), source);
  const version = found['GOVERSION'] ?? '';
  if (!isSupported(version)) {
    throw usageError(
      `${needed}, ${version || 'an unknown version'} was found on PATH.`,
      goInstallCommand,
    );
  }
  return {
    version,
    arch: found['GOHOSTARCH'] ?? '',
    goroot: found['GOROOT'] ?? '',
    env: goEnvironment(found),
  };
}

/**
 * Another release of Go, which the go command gets where it is not there yet (GOTOOLCHAIN).
 * @param version such as go1.26.7
 * @throws PollgateError (usage) for what is no release, (undecided) for one that cannot be had here
 */
export async function findGoRelease(go: GoToolchain, version: string): Promise<GoToolchain> {
  if (version === go.version) {
    return go;
  }
  if (!/^go1\.\d+(\.\d+|rc\d+)?$/.test(version)) {
    throw usageError(
      `${JSON.stringify(version)} is no release of Go; expected one such as ${go.version}.`,
      'go version shows the one that is here',
    );
  }
  const env = { ...go.env, GOTOOLCHAIN: version };
  const asked = ['env', '-json', 'GOVERSION', 'GOROOT'];
  const result = await execa('go', asked, { env, extendEnv: false, reject: false });
  if (result.failed) {
    const said = result.stderr?.trim() || (result.shortMessage ?? 'no output');
    throw incomparableError(
      `${version} cannot be had here:\n${indent(said)}`,
      `GOTOOLCHAIN=${version} go version; or name another release`,
    );
  }
  const source = { name: 'The output of go env', remedy: 'go env', exitCode: 2 as const };
  const found = parseJson(result.stdout, Type.Record(Type.String(), Type.String()), source);
  return { ...go, version: found['GOVERSION'] ?? version, goroot: found['GOROOT'] ?? '', env };
}

function isSupported(version: string): boolean {
  const match = /^go(\d+)\.(\d+)/.exec(version);
  const [major, minor] = [Number(match?.[1]), Number(match?.[2])];
  return major > minimumGo.major || (major === minimumGo.major && minor >= minimumGo.minor);
}

function goEnvironment(found: Record<string, string>): Record<string, string> {
  const kept = (names: string[], from: Record<string, string | undefined>) =>
    Object.fromEntries(names.map((name) => [name, from[name] ?? '']).filter(([, v]) => v !== ''));
  const cache = join(cacheDir, 'go');
  return {
    ...kept(inherited, process.env),
    ...kept(moduleSources, found),
    GOENV: 'off',
    GOFLAGS: '-mod=readonly -modcacherw',
    GOWORK: 'off',
    GOTOOLCHAIN: 'local',
    CGO_ENABLED: '0',
    GOCACHE: join(cache, 'build'),
    GOMODCACHE: join(cache, 'mod'),
    GOPATH: join(cache, 'path'),
    // The go command keeps its telemetry counters in the user's configuration folder.
    XDG_CONFIG_HOME: join(cache, 'config'),
  };
}

/**
 * Runs a go command in a module's folder.
 * @param remedy what to do when it fails, in place of running the same command by hand
 * @returns its standard output
 * @throws PollgateError (infrastructure) with the compiler's own words
 */
export async function runGo(
  go: GoToolchain,
  moduleDir: string,
  args: string[],
  remedy = `cd ${JSON.stringify(moduleDir)} && go ${args.join(' ')}`,
): Promise<string> {
  const result = await execa('go', args, {
    cwd: moduleDir,
    env: go.env,
    extendEnv: false,
    reject: false,
  });
  if (result.failed) {
    const output = result.stderr?.trim() || (result.shortMessage ?? 'no output');
    throw infrastructureError(`go ${args[0]} failed in ${moduleDir}:\n${indent(output)}`, remedy);
  }
  return result.stdout;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
}
