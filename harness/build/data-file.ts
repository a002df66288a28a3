import { mkdir, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { infrastructureError } from '../lib/errors.ts';
import { cacheDir } from '../lib/paths.ts';
import type { LoadedScenario } from '../scenario/scenario.ts';
import { binaryPath } from './go-build.ts';

const pageBytes = 4096;
/** Left free beside a data file. */
const spareBytes = 256 * 2 ** 20;

/** The data file that the block-4k fixtures serve: page n holds its own reply. */
export function dataFilePath(pages: number): string {
  return join(cacheDir, 'data', `block-4k-${pages}-pages.dat`);
}

/**
 * Makes the data files that the scenarios need and that are not there yet.
 * @returns how many were made
 */
export async function makeDataFiles(scenarios: readonly LoadedScenario[]): Promise<number> {
  const loads = scenarios.map(({ scenario }) => scenario.load);
  const pages = new Set(
    loads.flatMap((load) => (load.protocol === 'block-4k' ? [load.pages] : [])),
  );
  let made = 0;
  for (const count of pages) {
    made += (await makeDataFile(count)) ? 1 : 0;
  }
  return made;
}

/**
 * Makes one data file unless it is there.
 * @returns whether it was made
 * @throws PollgateError (infrastructure) where the disk has no room for it
 */
export async function makeDataFile(pages: number): Promise<boolean> {
  const path = dataFilePath(pages);
  const found = await stat(path).catch(() => undefined);
  if (found?.size === pages * pageBytes) {
    return false;
  }
  await mkdir(dirname(path), { recursive: true });
  await refuseFullDisk(dirname(path), pages * pageBytes);
  const binary = binaryPath({ name: 'block-4k', netpoller: 'epoll' });
  const result = await execa(binary, ['--generate', path, '--pages', String(pages)], {
    reject: false,
  });
  if (result.failed) {
    throw infrastructureError(
      `The data file of block-4k could not be made: ${result.stderr || result.shortMessage}`,
      `free ${Math.ceil((pages * pageBytes) / 2 ** 20)} MiB of disk and run again: df -h .cache`,
    );
  }
  return true;
}

/** A disk that fills up while the file is written would take the builds and results with it. */
async function refuseFullDisk(dir: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize < bytes + spareBytes) {
    const mib = (count: number) => `${Math.ceil(count / 2 ** 20)} MiB`;
    throw infrastructureError(
      `The data file of block-4k needs ${mib(bytes)} and ${mib(spareBytes)} to spare; ${dir} has ${mib(bavail * bsize)}.`,
      'free some space and run again: df -h .cache',
    );
  }
}
