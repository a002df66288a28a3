import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

const prefix = '.staging-';

/**
 * Gives `use` an empty folder in `dir` and removes it afterwards, and with it what builds that were
 * killed have left; the pid in the name tells whose folder it is.
 */
export async function inStaging<T>(dir: string, use: (staging: string) => Promise<T>): Promise<T> {
  await removeStale(dir, prefix);
  const staging = await mkdtemp(join(dir, `${prefix}${process.pid}-`));
  try {
    return await use(staging);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Removes the folders `<prefix><pid>` and `<prefix><pid>-…` of processes that are gone. */
export async function removeStale(dir: string, prefix: string): Promise<void> {
  for (const name of (await readdir(dir)).filter((entry) => entry.startsWith(prefix))) {
    const pid = Number(/^(\d+)(-|$)/.exec(name.slice(prefix.length))?.[1]);
    if (!(pid > 0 && isAlive(pid))) {
      await rm(join(dir, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
