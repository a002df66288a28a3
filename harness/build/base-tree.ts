import { access, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { infrastructureError, usageError } from '../lib/errors.ts';
import { git } from '../lib/git.ts';
import { inStaging } from './staging.ts';

/** Sources of one revision, in a folder of their own. */
export interface BaseTree {
  dir: string;
  /** Full commit hash. */
  revision: string;
}

export interface BaseTreeOptions {
  /** Any folder of the repository's working tree. */
  repository: string;
  /** Any name that git rev-parse knows: a branch, a tag, a hash, HEAD~3. */
  revision: string;
  /** The trees lie below it, each named by its commit. */
  cacheDir: string;
}

/**
 * Lays out the files of a revision in `<cacheDir>/base/<commit>`. They come through an index of their
 * own: neither the user's index nor a list of worktrees changes, a shallow repository will do, and
 * what .gitattributes keeps out of archives is there as in any checkout. A tree that an earlier
 * call laid out is compared with the commit, file by file, and laid out anew where it differs.
 * @throws PollgateError (usage) for no repository, or a revision that it does not have
 */
export async function checkOutBase(options: BaseTreeOptions): Promise<BaseTree> {
  const revision = await resolveRevision(options.repository, options.revision);
  const trees = join(options.cacheDir, 'base');
  const dir = join(trees, revision);
  await mkdir(trees, { recursive: true });
  await inStaging(trees, async (staging) => {
    const index = await makeIndex(options.repository, revision, staging);
    if (await isUnchanged(dir, index)) {
      return;
    }
    const tree = join(staging, 'tree');
    await mkdir(tree);
    const laidOut = await git(tree, ['checkout-index', '--all'], index.of(tree));
    if (!laidOut.ok) {
      throw infrastructureError(
        `The files of ${revision} could not be laid out in ${trees}: ${laidOut.words}`,
        `git -C ${JSON.stringify(options.repository)} fsck && df -h ${JSON.stringify(trees)}`,
      );
    }
    await rm(dir, { recursive: true, force: true });
    await rename(tree, dir);
  });
  return { dir, revision };
}

export interface MergeBase {
  /** What the head is compared with: full commit hash. */
  revision: string;
  /** Commit of the name that was asked for. */
  asked: string;
  /** Whether the two differ, because the base has gone on since the head left it. */
  moved: boolean;
}

/**
 * Where a head left its base: what happened on the base since then is not the head's doing.
 * @throws PollgateError (usage) where they have no common history, or it was not fetched
 */
export async function mergeBase(
  repository: string,
  { head = 'HEAD', base }: { head?: string; base: string },
): Promise<MergeBase> {
  const asked = await resolveRevision(repository, base);
  const tip = await resolveRevision(repository, head);
  const found = await git(repository, ['merge-base', asked, tip]);
  if (!found.ok) {
    const shallow = await isShallow(repository);
    throw usageError(
      `${JSON.stringify(base)} and ${head} have no common commit in ${repository}${shallow ? ', whose history was not fetched as a whole' : ''}.`,
      shallow
        ? `git -C ${JSON.stringify(repository)} fetch --unshallow`
        : 'name a base that the head was made from: git log --oneline',
    );
  }
  return { revision: found.text, asked, moved: found.text !== asked };
}

/** @returns the root folder of the working tree that a folder lies in */
export async function repositoryRoot(dir: string): Promise<string> {
  const found = await git(dir, ['rev-parse', '--show-toplevel']);
  if (!found.ok || found.text === '') {
    throw usageError(
      `${dir} lies in no git repository, so there is no base to build: ${found.words || 'no working tree'}`,
      `git -C ${JSON.stringify(dir)} status`,
    );
  }
  return found.text;
}

async function resolveRevision(repository: string, name: string): Promise<string> {
  await repositoryRoot(repository);
  // `^{commit}`: a tag is not what was built. `--end-of-options`: a name may begin with a dash.
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`];
  const found = await git(repository, args);
  if (!found.ok) {
    const at = `git -C ${JSON.stringify(repository)}`;
    throw usageError(
      `${JSON.stringify(name)} is no revision of the repository ${repository}.`,
      await fetchRemedy(repository, name, at),
    );
  }
  return found.text;
}

/** How a revision may be had that is not there: workflows fetch one commit of one branch. */
async function fetchRemedy(repository: string, name: string, at: string): Promise<string> {
  const remotes = (await git(repository, ['remote'])).text.split('\n').filter(Boolean);
  const remote = remotes.find((each) => name.startsWith(`${each}/`));
  if (remote !== undefined) {
    const branch = name.slice(remote.length + 1);
    return `${at} fetch ${remote} ${branch}:refs/remotes/${name}`;
  }
  if (await isShallow(repository)) {
    return `${at} fetch --unshallow (or: ${at} fetch origin ${name})`;
  }
  return remotes.length > 0 ? `${at} fetch ${remotes[0]} ${name}` : `${at} branch --all`;
}

/** Whether the history of a repository was fetched in part only. */
export async function isShallow(repository: string): Promise<boolean> {
  return (await git(repository, ['rev-parse', '--is-shallow-repository'])).text === 'true';
}

/** An index that holds a revision; with `of(tree)` git takes it to be that of `tree`. */
interface Index {
  of: (tree: string) => Record<string, string>;
}

async function makeIndex(repository: string, revision: string, staging: string): Promise<Index> {
  const gitDir = (await git(repository, ['rev-parse', '--absolute-git-dir'])).text;
  const of = (tree: string) => ({
    GIT_DIR: gitDir,
    GIT_WORK_TREE: tree,
    GIT_INDEX_FILE: join(staging, 'index'),
  });
  const read = await git(staging, ['read-tree', revision], of(staging));
  if (!read.ok) {
    throw infrastructureError(
      `The files of ${revision} could not be read: ${read.words}`,
      `git -C ${JSON.stringify(repository)} fsck`,
    );
  }
  return { of };
}

async function isUnchanged(dir: string, index: Index): Promise<boolean> {
  const there = await access(dir).then(
    () => true,
    () => false,
  );
  if (!there) {
    return false;
  }
  const env = index.of(dir);
  // The index is new and knows no file's times, so that every content is read; fails for a difference.
  const same = await git(dir, ['update-index', '--really-refresh'], env);
  const others = await git(dir, ['ls-files', '--others'], env);
  return same.ok && others.ok && others.text === '';
}
