import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import Type from 'typebox';
import { messageOf, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson, parseJson } from '../lib/json.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';
import { FixtureBuild } from './fixture-build.ts';
import { type GoToolchain, runGo } from './go-toolchain.ts';
import { inStaging } from './staging.ts';

type Netpoller = FixtureBuild['netpoller'];

/** A Go program to build: which package of which module, on which netpoller. */
export interface Program {
  name: string;
  /** Absolute path of the folder with go.mod. */
  moduleDir: string;
  /** Such as ./cmd/block-4k. */
  package: string;
  netpoller: Netpoller;
  /** Where a scenario names a program of the user's: file and JSON path; ours have none. */
  place?: { file: string; jsonPath: string };
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
  const inputs = await hashInputs(go, programs.filter(isOurs));
  const found = await Promise.all(programs.map((program) => readBuild(program, inputs)));
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) {
    onBuild(missing.length);
  }
  const built = new Map<Program, FixtureBuild>();
  for (const group of buildGroups(missing)) {
    await buildGroup(go, group, async (program, build) => {
      const full = { ...build, inputsSha256: inputs.get(program) ?? build.sha256 };
      await writeFileAtomic(`${binaryPath(program)}.json`, formatJson(full));
      built.set(program, full);
    });
  }
  const builds = programs.map((program, index) => {
    const build = found[index] ?? built.get(program);
    if (build === undefined) {
      throw new Error(`${program.name} was built and is not there`);
    }
    return build;
  });
  return { builds, built: missing.length };
}

function isOurs(program: Program): boolean {
  return program.place === undefined;
}

/** Hash of everything that goes into each of our programs. */
async function hashInputs(
  go: GoToolchain,
  programs: readonly Program[],
): Promise<Map<Program, string>> {
  const modules = new Map<string, string>();
  for (const dir of new Set(programs.map((program) => program.moduleDir))) {
    modules.set(dir, await hashTree(dir));
  }
  return new Map(
    programs.map((program) => [
      program,
      sha256(
        JSON.stringify([
          modules.get(program.moduleDir),
          program.package,
          program.netpoller,
          commonFlags,
          [go.version, go.arch, go.goroot],
        ]),
      ),
    ]),
  );
}

/** One go command for all packages of a module of ours that share their flags, else one each. */
function buildGroups(programs: readonly Program[]): Program[][] {
  const ours = programs.filter(isOurs);
  const groups = Map.groupBy(ours, (program) => `${program.moduleDir}\0${program.netpoller}`);
  return [...groups.values(), ...programs.filter((p) => !isOurs(p)).map((program) => [program])];
}

type NewBuild = Omit<FixtureBuild, 'inputsSha256'>;

async function buildGroup(
  go: GoToolchain,
  group: readonly Program[],
  onBuilt: (program: Program, build: NewBuild) => Promise<void>,
): Promise<void> {
  const [first] = group;
  if (first === undefined) {
    return;
  }
  await findMain(go, first);
  const overlay = first.netpoller === 'io_uring' ? await makeOverlay(go) : undefined;
  const flags = [...commonFlags, ...(overlay ? ['-tags', uringTag] : [])];
  const packages = group.map((program) => program.package);
  await inStaging(binDir, async (staging) => {
    // A user's package may be the module's root, which has no name of its own to go by.
    const out = isOurs(first) ? `${staging}/` : join(staging, first.name);
    const args = ['build', ...flags, ...(overlay ? [`-overlay=${overlay}`] : []), '-o', out];
    const remedy = `cd ${JSON.stringify(first.moduleDir)} && go build -o /dev/null ${packages.join(' ')}`;
    await runGo(go, first.moduleDir, [...args, ...packages], remedy);
    for (const program of group) {
      const path = binaryPath(program);
      const name = isOurs(program) ? basename(program.package) : program.name;
      await rename(join(staging, name), path);
      await onBuilt(program, {
        name: program.name,
        path: relative(rootDir, path),
        sha256: await hashFile(path),
        goVersion: go.version,
        netpoller: program.netpoller,
        flags: overlay ? [...flags, '-overlay=io_uring'] : flags,
      });
    }
  });
}

/**
 * Tells a package that is not there from one that does not compile.
 * @throws PollgateError (usage) unless the path names exactly one program
 */
async function findMain(go: GoToolchain, { place, moduleDir, ...program }: Program): Promise<void> {
  if (place === undefined) {
    return;
  }
  const args = ['list', '-find', '-f', '{{.Name}}', program.package];
  const remedy = `cd ${JSON.stringify(moduleDir)} && go list ./...`;
  const refusal = (why: string) =>
    usageError(
      `${place.file} is not valid:\n  ${place.jsonPath}: ${JSON.stringify(program.package)} seen, expected a package main of the module in ${moduleDir}: ${why}`,
      remedy,
    );
  const names = await runGo(go, moduleDir, args, remedy).catch((error: unknown) => {
    throw refusal(messageOf(error));
  });
  if (names !== 'main') {
    throw refusal(`go list finds ${names.split('\n').join(', ') || 'nothing'}`);
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

/** The build of a program of ours that is up to date; a user's is never known to be. */
async function readBuild(
  program: Program,
  inputs: ReadonlyMap<Program, string>,
): Promise<FixtureBuild | undefined> {
  if (!inputs.has(program)) {
    return undefined;
  }
  const path = binaryPath(program);
  try {
    await access(path);
    const text = await readFile(`${path}.json`, 'utf8');
    const build = parseJson(text, FixtureBuild, { name: `${path}.json`, remedy: '' });
    return build.inputsSha256 === inputs.get(program) ? build : undefined;
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
