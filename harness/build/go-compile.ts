import { mkdir, rename } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import Type from 'typebox';
import { messageOf, usageError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';
import { experimentName } from './experiment.ts';
import type { FixtureBuild } from './fixture-build.ts';
import { type GoToolchain, runGo } from './go-toolchain.ts';
import { hashFile, sha256 } from './hash.ts';
import { fixturesModule, isOurs, type Program } from './program.ts';
import { inStaging } from './staging.ts';

export const commonFlags = ['-trimpath', '-buildvcs=false'];

export interface BuildGroup {
  /** Programs of one module and one netpoller, of which all are ours or there is only one. */
  group: readonly Program[];
  /** Where a program's binary goes; all in one folder. */
  pathOf: (program: Program) => string;
  /** The toolchain that builds what polls by io_uring; without one an overlay of the installed Go does. */
  experiment?: GoToolchain | undefined;
}

/** A build whose inputs are not hashed. */
export type NewBuild = Omit<FixtureBuild, 'inputsSha256'>;

/** One go command for a group; each binary comes to its place whole or not at all. */
export async function compile(
  go: GoToolchain,
  { group, pathOf, experiment }: BuildGroup,
  onBuilt: (program: Program, build: NewBuild) => Promise<void>,
): Promise<void> {
  const [first] = group;
  if (first === undefined) {
    return;
  }
  await findMain(go, first);
  const netpoller = await netpollerOf(go, first, experiment);
  const packages = group.map((program) => program.package);
  const dir = dirname(pathOf(first));
  await mkdir(dir, { recursive: true });
  await inStaging(dir, async (staging) => {
    // A user's package may be the module's root, which has no name of its own to go by.
    const out = isOurs(first) ? `${staging}/` : join(staging, first.name);
    const args = ['build', ...commonFlags, ...netpoller.args, '-o', out];
    const remedy = `cd ${JSON.stringify(first.moduleDir)} && go build -o /dev/null ${packages.join(' ')}`;
    await runGo(netpoller.go, first.moduleDir, [...args, ...packages], remedy);
    for (const program of group) {
      const path = pathOf(program);
      const name = isOurs(program) ? basename(program.package) : program.name;
      await rename(join(staging, name), path);
      await onBuilt(program, {
        name: program.name,
        path: relative(rootDir, path),
        sha256: await hashFile(path),
        goVersion: go.version,
        netpoller: program.netpoller,
        flags: [...commonFlags, ...netpoller.flags],
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

/** How a netpoller comes into a program. */
interface NetpollerBuild {
  /** Whose go command builds. */
  go: GoToolchain;
  args: string[];
  /** What is recorded of it: nothing of this machine. */
  flags: string[];
}

async function netpollerOf(
  go: GoToolchain,
  program: Program,
  experiment: GoToolchain | undefined,
): Promise<NetpollerBuild> {
  if (program.netpoller === 'epoll') {
    return { go, args: [], flags: [] };
  }
  if (experiment !== undefined) {
    return { go: experiment, args: [], flags: [`GOEXPERIMENT=${experimentName}`] };
  }
  const tags = ['-tags', `goexperiment.${experimentName}`];
  return {
    go,
    args: [...tags, `-overlay=${await makeOverlay(go, program)}`],
    flags: [...tags, `-overlay=${experimentName}`],
  };
}

const OverlayAnswer = Type.Object({ overlay: Type.String(), goVersion: Type.String() });

/**
 * The io_uring netpoller for this toolchain, generated from its own GOROOT. The generator belongs to
 * the program's sources: a base is built with that of the base.
 */
async function makeOverlay(go: GoToolchain, { moduleDir }: Program): Promise<string> {
  const place = moduleDir === fixturesModule ? go.goroot : `${go.goroot}\0${moduleDir}`;
  const out = join(cacheDir, 'goroot', `${go.version}-${sha256(place).slice(0, 8)}`);
  const answer = await runGo(go, moduleDir, ['run', './goroot/overlay', '-out', out]);
  const remedy = `cd ${relative(rootDir, moduleDir)} && go run ./goroot/overlay -out /tmp/overlay`;
  return parseJson(answer, OverlayAnswer, { name: 'goroot/overlay', remedy }).overlay;
}
