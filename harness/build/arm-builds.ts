import { access, copyFile, mkdir, realpath, rename } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import Type, { type Static } from 'typebox';
import { git } from '../lib/git.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';
import { arms, type ByArm, eachArm } from '../scenario/arm.ts';
import { seedFromName, splitMix64 } from '../stats/random.ts';
import { incomparableError } from './base-revision.ts';
import { checkOutBase, mergeBase, repositoryRoot } from './base-tree.ts';
import { FixtureBuild } from './fixture-build.ts';
import { buildProgramAt } from './go-build.ts';
import type { GoToolchain } from './go-toolchain.ts';
import { sha256 } from './hash.ts';
import { isOurs, type Program } from './program.ts';
import { inStaging } from './staging.ts';

/** A program of a gate: what was built, and from which sources. */
export const ArmBuild = Type.Object(
  {
    ...FixtureBuild.properties,
    /** Commit of the sources. */
    revision: Type.String({ pattern: '^[0-9a-f]{40,64}$' }),
    /** Whether they differ from that commit; never those of a base. */
    dirty: Type.Boolean(),
  },
  { additionalProperties: false },
);
export type ArmBuild = Static<typeof ArmBuild>;

/** Names that say nothing of what lies behind them, and are equally long. */
const letters = ['a', 'b', 'c'] as const;
export const Letter = Type.Enum([...letters]);
export type Letter = Static<typeof Letter>;

export interface ArmBuildOptions {
  /** As the working tree has it (programs.ts). */
  program: Program;
  /**
   * As the repository of the program names it, which for a module of the user's may be another than
   * ours; the head is compared with where it left that.
   */
  base: string;
  letters: ByArm<Letter>;
  /** What base and control are built with; default: as the head. */
  baseGo?: GoToolchain;
  /** Default: the clone's. */
  cache?: string;
}

/**
 * Which letter stands for which program, drawn from the seed. Path length and name shift a process's
 * stack, and with it what is measured: the paths of the three differ in one letter, and no letter
 * belongs to the head for good.
 */
export function drawLetters(seed: string): ByArm<Letter> {
  const random = splitMix64(BigInt(seed) ^ seedFromName('letters of the arms'));
  const left: Letter[] = [...letters];
  const draw = (): Letter => {
    const [letter] = left.splice(Number(random() % BigInt(left.length)), 1);
    return letter ?? 'a';
  };
  return eachArm(draw);
}

/**
 * Builds a program three times: base and control from the base's sources, each by a go command of its
 * own, the head from the working tree. The binaries come to `.cache/gate/<key>/<letter>/<name>`.
 * @returns the builds, and how many there were to make; with equal sources a second call makes none
 * @throws PollgateError (usage) where there is no base, (undecided) where it does not have the program
 */
export async function buildArms(
  go: GoToolchain,
  options: ArmBuildOptions,
): Promise<{ builds: ByArm<ArmBuild>; built: number }> {
  const cache = options.cache ?? cacheDir;
  const sources = await findSources(options, cache);
  const { moduleDir, name, netpoller, package: path } = options.program;
  const key = sha256(JSON.stringify([moduleDir, path, netpoller])).slice(0, 12);
  const dir = join(cache, 'gate', key);
  const builds: Partial<ByArm<ArmBuild>> = {};
  let built = 0;
  for (const arm of arms) {
    const { program, revision, dirty } = sources[arm === 'head' ? 'head' : 'base'];
    const own = arm === 'head' ? go : (options.baseGo ?? go);
    const made = await buildProgramAt(own, program, join(dir, 'built', arm, name));
    const place = join(dir, options.letters[arm], name);
    await copyWhole(join(dir, 'built', arm, name), place);
    builds[arm] = { ...made.build, path: relative(rootDir, place), revision, dirty };
    built += made.built ? 1 : 0;
  }
  return { builds: builds as ByArm<ArmBuild>, built };
}

interface Source {
  program: Program;
  revision: string;
  dirty: boolean;
}

async function findSources(
  { program, base }: ArmBuildOptions,
  cache: string,
): Promise<{ head: Source; base: Source }> {
  const repository = await repositoryRoot(program.moduleDir);
  const { revision } = await mergeBase(repository, { base });
  const tree = await checkOutBase({ repository, revision, cacheDir: cache });
  const below = relative(repository, await realpath(program.moduleDir));
  const moduleDir = join(tree.dir, below);
  const folder = join(moduleDir, program.package);
  const there = await access(folder).then(
    () => true,
    () => false,
  );
  if (!there) {
    const missing = relative(tree.dir, folder);
    const what = isOurs(program) ? `fixture ${basename(program.package)}` : 'program';
    throw incomparableError(
      `the base ${base} (${tree.revision.slice(0, 12)}) does not have the ${what}: no folder ${missing}. What is new has nothing to be compared with.`,
      `name a later base: git -C ${JSON.stringify(repository)} log --oneline -- ${missing}; once the base has it, it is gated`,
    );
  }
  const baseProgram = { ...program, moduleDir };
  return {
    head: { program, ...(await stateOf(repository)) },
    base: { program: baseProgram, revision: tree.revision, dirty: false },
  };
}

async function stateOf(repository: string): Promise<{ revision: string; dirty: boolean }> {
  const head = await git(repository, ['rev-parse', '--verify', 'HEAD']);
  const status = await git(repository, ['status', '--porcelain', '--untracked-files=normal']);
  return { revision: head.text, dirty: !status.ok || status.text !== '' };
}

/** A copy that is there whole or not at all, with the same rights. */
async function copyWhole(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await inStaging(dirname(to), async (staging) => {
    const copy = join(staging, basename(to));
    await copyFile(from, copy);
    await rename(copy, to);
  });
}
