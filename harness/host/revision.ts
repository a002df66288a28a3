import { tryGit } from '../lib/git.ts';
import { rootDir } from '../lib/paths.ts';

export interface Revision {
  /** Commit hash, or "unknown" outside a git checkout. */
  revision: string;
  /** Whether files differ from that commit; true where it cannot be told. */
  dirty: boolean;
}

/**
 * Which sources are being measured, where they may lie in several repositories.
 * @param dirs folders of the measured programs; the first one's commit names the run
 * @returns dirty where any of them is, or the harness itself
 */
export async function readSources([
  first = rootDir,
  ...others
]: readonly string[]): Promise<Revision> {
  const named = await readRevision(first);
  const rest = await Promise.all([rootDir, ...others].map((dir) => readRevision(dir)));
  return { ...named, dirty: named.dirty || rest.some(({ dirty }) => dirty) };
}

/**
 * Which sources are being measured.
 * @param dir a folder of the checkout: ours, or that of a user's module
 */
export async function readRevision(dir: string = rootDir): Promise<Revision> {
  const [head, status] = await Promise.all([
    tryGit(dir, ['rev-parse', 'HEAD']),
    tryGit(dir, ['status', '--porcelain', '--untracked-files=normal']),
  ]);
  if (!head.ok || !status.ok) {
    return { revision: 'unknown', dirty: true };
  }
  return { revision: head.text, dirty: status.text !== '' };
}
