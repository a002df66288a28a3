import { access, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { execa } from 'execa';
import type { GoToolchain } from '../build/go-toolchain.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';
import { withoutPlaces } from './places.ts';
import type { Tool } from './tool.ts';

/** A generator that is there, or why it is not. */
export type Located =
  | { tool: Tool; available: true; command: readonly string[]; version: string }
  | { tool: Tool; available: false; why: string };

const toolsDir = join(cacheDir, 'tools');
const binDir = join(toolsDir, 'bin');
/** A registry that does not answer must not hold up the others. */
const installMs = 20 * 60_000;

export interface InstallOptions {
  go: GoToolchain;
  /** Path and version of the generators of this project. */
  own: ReadonlyMap<string, { path: string; version: string }>;
  onInstall: (text: string) => void;
  signal: AbortSignal;
}

/**
 * Finds a generator; one of Go or Rust that is not there in the pinned version is installed into
 * .cache/tools, at low priority and one compiler at a time.
 */
export async function locate(tool: Tool, options: InstallOptions): Promise<Located> {
  const { source } = tool;
  switch (source.kind) {
    case 'own': {
      const own = options.own.get(source.program);
      return own === undefined
        ? missing(tool, `${source.program} was not built`)
        : { tool, available: true, command: [own.path], version: own.version };
    }
    case 'npm': {
      const require = createRequire(join(rootDir, 'package.json'));
      const { version } = require(`${source.package}/package.json`) as { version: string };
      const command = [process.execPath, join(rootDir, source.script)];
      return { tool, available: true, command, version };
    }
    case 'debian':
      return locateDebian(tool, source.package, source.version);
    case 'go': {
      const { env } = options.go;
      const args = ['go', 'install', '-p=1', `${source.package}@${source.version}`];
      const own = { ...env, GOFLAGS: '-modcacherw', GOBIN: binDir };
      return install(tool, source.version, binaryName(source.package), args, own, options);
    }
    case 'cargo': {
      const { crate, version } = source;
      const args = ['cargo', 'install', crate, '--version', version, '--locked', '--jobs', '1'];
      return install(tool, version, crate, [...args, '--root', toolsDir], withPath(), options);
    }
  }
}

/** The command that `go install` makes of a package: its last element that is no major version. */
function binaryName(path: string): string {
  const elements = path.split('/').filter((element) => !/^v\d+$/.test(element));
  return elements.at(-1) ?? '';
}

async function locateDebian(
  tool: Tool,
  name: string,
  versionArgs: readonly string[],
): Promise<Located> {
  // wrk prints its version and ends with 1.
  const result = await execa(name, versionArgs, { reject: false });
  if (result.code === 'ENOENT') {
    return missing(tool, `not on PATH; sudo apt-get install ${name}`);
  }
  const version = new RegExp(`${name} (\\S+)`).exec(`${result.stdout}\n${result.stderr}`)?.[1];
  return { tool, available: true, command: [name], version: version ?? 'unknown' };
}

async function install(
  tool: Tool,
  version: string,
  binary: string,
  args: readonly string[],
  env: Record<string, string>,
  { onInstall, signal }: InstallOptions,
): Promise<Located> {
  const path = join(binDir, binary);
  // Which version the binary is, so that a changed pin installs anew.
  const stamp = `${path}.version`;
  const found = { tool, available: true, command: [path], version } as const;
  if ((await readFile(stamp, 'utf8').catch(() => '')) === version && (await exists(path))) {
    return found;
  }
  onInstall(`installing ${binary} ${version} into .cache/tools: ${args.slice(0, 2).join(' ')}`);
  await mkdir(binDir, { recursive: true });
  const result = await execa('nice', ['-n', '15', ...args], {
    cwd: toolsDir,
    env,
    extendEnv: false,
    reject: false,
    timeout: installMs,
    cancelSignal: signal,
  });
  signal.throwIfAborted();
  if (result.failed) {
    return missing(
      tool,
      `${args.slice(0, 2).join(' ')}: ${failure(result.stderr, result.shortMessage)}`,
    );
  }
  await writeFileAtomic(stamp, version);
  return found;
}

/** The line of an installer's output that says what was wrong, without the place it lies at. */
export function failure(stderr: string | undefined, otherwise: string | undefined): string {
  const lines = (stderr ?? '').split('\n').map((line) => line.trim());
  const said = lines.findLast((line) => line !== '' && !line.startsWith('go: downloading'));
  return withoutPlaces(said ?? otherwise ?? 'no output').slice(0, 200);
}

function missing(tool: Tool, why: string): Located {
  return { tool, available: false, why };
}

function withPath(): Record<string, string> {
  const names = ['PATH', 'HOME', 'CARGO_HOME', 'RUSTUP_HOME', 'HTTPS_PROXY', 'https_proxy'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
