import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { infrastructureError } from '../lib/errors.ts';
import { cacheDir } from '../lib/paths.ts';
import type { LoadedScenario } from '../scenario/scenario.ts';
import { binaryPath } from './go-build.ts';

const pageBytes = 4096;

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

async function makeDataFile(pages: number): Promise<boolean> {
  const path = dataFilePath(pages);
  const found = await stat(path).catch(() => undefined);
  if (found?.size === pages * pageBytes) {
    return false;
  }
  await mkdir(dirname(path), { recursive: true });
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
