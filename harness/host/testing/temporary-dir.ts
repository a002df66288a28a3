import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A vitest fixture: a folder of the test's own, gone after it. */
export async function temporaryDir(
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the dependencies from the pattern.
  {}: object,
  use: (dir: string) => Promise<void>,
): Promise<void> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), 'pollgate-host-')));
  try {
    await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
