import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson, parseJson } from '../lib/json.ts';
import { cacheDir } from '../lib/paths.ts';
import { findExperiment } from './experiment.ts';
import { FixtureBuild } from './fixture-build.ts';
import { commonFlags, compile, type NewBuild } from './go-compile.ts';
import type { GoToolchain } from './go-toolchain.ts';
import { hashTree, sha256 } from './hash.ts';
import { isOurs, type Program } from './program.ts';

export { bpfModule, fixturesModule, type Program } from './program.ts';

const binDir = join(cacheDir, 'bin');

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
  const experiment = await findExperiment(go);
  const inputs = await hashInputs(go, programs.filter(isOurs), experiment);
  const found = await Promise.all(
    programs.map((program) => readBuild(binaryPath(program), inputs.get(program))),
  );
  const missing = programs.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) {
    onBuild(missing.length);
  }
  const built = new Map<Program, FixtureBuild>();
  for (const group of buildGroups(missing)) {
    await compile(go, { group, pathOf: binaryPath, experiment }, async (program, build) => {
      built.set(program, await saveBuild(build, binaryPath(program), inputs.get(program)));
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

/**
 * Builds one program to a path of the caller's, with a go command of its own. What polls by io_uring
 * is always built with an overlay: both sides of a gate in one way, also where a base is older than
 * the experiment.
 * @returns the build, and whether there was anything to do; see {@link buildPrograms}
 */
export async function buildProgramAt(
  go: GoToolchain,
  program: Program,
  path: string,
): Promise<{ build: FixtureBuild; built: boolean }> {
  const inputs = (await hashInputs(go, [program].filter(isOurs))).get(program);
  const found = await readBuild(path, inputs);
  if (found !== undefined) {
    return { build: found, built: false };
  }
  let build: FixtureBuild | undefined;
  await compile(go, { group: [program], pathOf: () => path }, async (_, made) => {
    build = await saveBuild(made, path, inputs);
  });
  if (build === undefined) {
    throw new Error(`${program.name} was built and is not there`);
  }
  return { build, built: true };
}

/** Hash of everything that goes into each of our programs. */
async function hashInputs(
  go: GoToolchain,
  programs: readonly Program[],
  experiment?: GoToolchain,
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
          ...(program.netpoller === 'io_uring' && experiment ? [experiment.goroot] : []),
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

/** The build that is up to date; of a user's program, which has no hash of inputs, never known to be. */
async function readBuild(
  path: string,
  inputs: string | undefined,
): Promise<FixtureBuild | undefined> {
  if (inputs === undefined) {
    return undefined;
  }
  try {
    await access(path);
    const text = await readFile(`${path}.json`, 'utf8');
    const build = parseJson(text, FixtureBuild, { name: `${path}.json`, remedy: '' });
    return build.inputsSha256 === inputs ? build : undefined;
  } catch {
    return undefined; // Missing or torn: built again.
  }
}

async function saveBuild(build: NewBuild, path: string, inputs?: string): Promise<FixtureBuild> {
  const full = { ...build, inputsSha256: inputs ?? build.sha256 };
  await writeFileAtomic(`${path}.json`, formatJson(full));
  return full;
}
