import { rmSync } from 'node:fs';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { ArmBuild } from '../build/arm-builds.ts';
import { removeStale } from '../build/staging.ts';
import { infrastructureError, messageOf } from '../lib/errors.ts';
import { cacheDir, rootDir } from '../lib/paths.ts';
import { arms, type ByArm } from '../scenario/arm.ts';

const prefix = 'run-';

/**
 * Copies of the binaries, new ones for every round: which physical pages a program's text lies in is
 * worth 1 to 2 % of its CPU time, and stays the same as long as the file is in the page cache. The
 * paths, `.cache/gate/run-<pid>/<number>/<letter>/<name>`, are equally long. Copies of one round live
 * until the next asks for its own.
 */
export class FreshCopies {
  readonly #root: string;
  readonly #onExit = () => rmSync(this.#root, { recursive: true, force: true });
  #made = 0;

  private constructor(root: string) {
    this.#root = root;
    process.once('exit', this.#onExit);
  }

  /** @param gateDir holds the copies; those of processes that are gone are removed from it */
  static async open(gateDir = join(cacheDir, 'gate')): Promise<FreshCopies> {
    await mkdir(gateDir, { recursive: true });
    await removeStale(gateDir, prefix);
    const root = join(gateDir, `${prefix}${process.pid}`);
    await rm(root, { recursive: true, force: true });
    return new FreshCopies(root);
  }

  /** Removes the copies of the round before and makes those of the next one. */
  async make(builds: ByArm<ArmBuild>): Promise<ByArm<ArmBuild>> {
    await rm(this.#root, { recursive: true, force: true });
    this.#made += 1;
    const round = join(this.#root, String(this.#made).padStart(4, '0'));
    const copies: Partial<ByArm<ArmBuild>> = {};
    for (const arm of arms) {
      const { path } = builds[arm];
      const copy = join(round, basename(dirname(path)), basename(path));
      try {
        await mkdir(dirname(copy), { recursive: true });
        await copyFile(join(rootDir, path), copy);
      } catch (cause) {
        throw refusal(this.#root, cause);
      }
      copies[arm] = { ...builds[arm], path: relative(rootDir, copy) };
    }
    return copies as ByArm<ArmBuild>;
  }

  /** Removes what is left; the end of the process does as well. */
  async close(): Promise<void> {
    process.off('exit', this.#onExit);
    await rm(this.#root, { recursive: true, force: true });
  }
}

function refusal(root: string, cause: unknown) {
  return infrastructureError(
    `A fresh copy of a program could not be made: ${messageOf(cause)}`,
    `df -h ${JSON.stringify(dirname(root))}`,
    cause,
  );
}
