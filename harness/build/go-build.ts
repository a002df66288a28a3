import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import Type from 'typebox';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson, parseJson } from '../lib/json.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';
import { FixtureBuild } from './fixture-build.ts';
import { type GoToolchain, runGo } from './go-toolchain.ts';

type Netpoller = FixtureBuild['netpoller'];

/** A Go program to build: which package of which module, on which netpoller. */
export interface Program {
  name: string;
  /** Absolute path of the folder with go.mod. */
  moduleDir: string;
  /** Such as ./cmd/block-4k. */
  package: string;
  netpoller: Netpoller;
}

const binDir = join(cacheDir, 'bin');
export const fixturesModule = join(rootDir, 'go-fixtures');
export const bpfModule = join(rootDir, 'bpf');

const commonFlags = ['-trimpath', '-buildvcs=false'];
const uringTag = 'goexperiment.io_uring';

/** Where a program's binary lies once it is built. */
export function binaryPath(program: Pick<Program, 'name' | 'netpoller'>): string {
  return join(binDir, `${program.name}.${program.netpoller}`);
}

/**
 * Builds what is not there yet, by content: a program of ours is up to date when the hash over all
 * files of its module, the flags and the toolchain is the one it was built from. A user's module
 * may reach outside its folder (replace, workspace), so there the go command's own cache decides.
 * @param onBuild told how many programs must be built, before that begins
 * @returns one build per program, in the given order, and how many had to be built
 */
export async function buildPrograms(
  go: GoToolchain,
  programs: readonly Program[],
  onBuild: (missing: number) => void,
): Promise<{ builds: FixtureBuild[]; built: number }> {
  await mkdir(binDir, { recursive: true });
  const modules = new Map<string, string>();
  for (const dir of new Set(programs.map((program) => program.moduleDir))) {
    modules.set(dir, await hashTree(dir));
  }
  const inputsOf = (program: Program) =>
    sha256(
      JSON.stringify([
        modules.get(program.moduleDir),
        program.package,
        program.netpoller,
        commonFlags,
        [go.version, go.arch, go.goroot],
      ]),
    );
  const isOurs = (p: Program) => p.moduleDir === fixturesModule || p.moduleDir === bpfModule;
  const found = await Promise.all(
    programs.map((p) => (isOurs(p) ? readBuild(p, inputsOf(p)) : undefined)),
  );
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) {
    onBuild(missing.length);
  }
  for (const group of groupBy(missing, (p) => `${p.moduleDir}\0${p.netpoller}`)) {
    await buildGroup(go, group, inputsOf);
  }
  const builds = await Promise.all(
    programs.map(async (program, index) => {
      const build = found[index] ?? (await readBuild(program, inputsOf(program)));
      if (build === undefined) {
        throw new Error(`${program.name} was built and is not there`);
      }
      return build;
    }),
  );
  return { builds, built: missing.length };
}

/** One go command for all packages of a module that share their flags. */
async function buildGroup(
  go: GoToolchain,
  group: readonly Program[],
  inputsOf: (program: Program) => string,
): Promise<void> {
  const [first] = group;
  if (first === undefined) {
    return;
  }
  const staging = await mkdtemp(join(binDir, '.staging-'));
  try {
    const overlay = first.netpoller === 'io_uring' ? await makeOverlay(go) : undefined;
    const flags = [...commonFlags, ...(overlay ? ['-tags', uringTag] : [])];
    await runGo(go, first.moduleDir, [
      'build',
      ...flags,
      ...(overlay ? [`-overlay=${overlay}`] : []),
      '-o',
      `${staging}/`,
      ...group.map((program) => program.package),
    ]);
    for (const program of group) {
      const path = binaryPath(program);
      await rename(join(staging, basename(program.package)), path);
      const build: FixtureBuild = {
        name: program.name,
        path: relative(rootDir, path),
        sha256: await hashFile(path),
        goVersion: go.version,
        netpoller: program.netpoller,
        flags: overlay ? [...flags, '-overlay=io_uring'] : flags,
        inputsSha256: inputsOf(program),
      };
      await writeFileAtomic(`${path}.json`, formatJson(build));
    }
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

const OverlayAnswer = Type.Object({ overlay: Type.String(), goVersion: Type.String() });

/** The io_uring netpoller for this toolchain, generated from its own GOROOT. */
async function makeOverlay(go: GoToolchain): Promise<string> {
  const out = join(cacheDir, 'goroot', `${go.version}-${sha256(go.goroot).slice(0, 8)}`);
  const answer = await runGo(go, fixturesModule, ['run', './goroot/overlay', '-out', out]);
  const remedy = 'cd go-fixtures && go run ./goroot/overlay -out /tmp/overlay';
  return parseJson(answer, OverlayAnswer, { name: 'goroot/overlay', remedy }).overlay;
}

async function readBuild(program: Program, inputs: string): Promise<FixtureBuild | undefined> {
  const path = binaryPath(program);
  try {
    await access(path);
    const text = await readFile(`${path}.json`, 'utf8');
    const build = parseJson(text, FixtureBuild, { name: `${path}.json`, remedy: '' });
    return build.inputsSha256 === inputs ? build : undefined;
  } catch {
    return undefined; // Missing or torn: built again.
  }
}

/** Hash over names and contents of all files that can go into a binary. */
async function hashTree(dir: string): Promise<string> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries
    .filter(
      (entry) => entry.isFile() && !entry.name.endsWith('_test.go') && !entry.name.endsWith('.md'),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const hash = createHash('sha256');
  for (const file of files) {
    hash.update(`${relative(dir, file)}\0${await hashFile(file)}\n`);
  }
  return hash.digest('hex');
}

export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  return [...Map.groupBy(items, key).values()];
}
