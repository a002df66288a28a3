import { execa } from 'execa';
import { rootDir } from '../lib/paths.ts';

export interface Revision {
  /** Commit hash, or "unknown" outside a git checkout. */
  revision: string;
  /** Whether files differ from that commit; true where it cannot be told. */
  dirty: boolean;
}

/**
 * Which sources are being measured.
 * @param dir a folder of the checkout: ours, or that of a user's module
 */
export async function readRevision(dir: string = rootDir): Promise<Revision> {
  const git = (...args: string[]) => execa('git', ['-C', dir, ...args], { reject: false });
  const [head, status] = await Promise.all([
    git('rev-parse', 'HEAD'),
    git('status', '--porcelain', '--untracked-files=normal'),
  ]);
  if (head.failed || status.failed) {
    return { revision: 'unknown', dirty: true };
  }
  return { revision: head.stdout, dirty: status.stdout !== '' };
}
