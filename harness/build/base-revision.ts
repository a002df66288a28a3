import { exitCode, PollgateError } from '../lib/errors.ts';
import { git } from '../lib/git.ts';
import { isShallow } from './base-tree.ts';

/**
 * Words that `--base` takes for a revision that the harness finds itself. A branch or tag of such a
 * name is reached as refs/heads/baseline or refs/tags/release.
 */
const reservedBases = ['baseline', 'release'] as const;
export type ReservedBase = (typeof reservedBases)[number];

export function isReservedBase(name: string): name is ReservedBase {
  return (reservedBases as readonly string[]).includes(name);
}

/** What a committed baseline says of its sources. */
export interface RecordedBase {
  /** Its file, for messages. */
  path: string;
  suite: string;
  /** Commit, or "unknown" where the runs knew none. */
  revision: string;
}

/** Nothing is there that the head could be held against: exit code 6, as a verdict of that name has. */
export function incomparableError(what: string, remedy: string): PollgateError {
  return new PollgateError(`Incomparable: ${what}`, { exitCode: exitCode.undecided, remedy });
}

/**
 * The commit that a baseline was recorded from, to be rebuilt beside the head.
 * @param repository the one that the measured program lies in
 * @throws PollgateError (undecided) where the repository does not have it, where the default branch
 * does not lead to it and it may thus vanish, or where the head was not made from it
 */
export async function recordedRevision(
  repository: string,
  { path, suite, revision }: RecordedBase,
): Promise<string> {
  const at = `git -C ${JSON.stringify(repository)}`;
  const record = `npm run bench ${suite} three times on a clean commit of the default branch, then: npm run baseline -- accept ${suite}`;
  const short = revision.slice(0, 12);
  // A name could mean another commit tomorrow.
  const isCommit = /^[0-9a-f]{40,64}$/.test(revision);
  if (!isCommit || !(await holds(repository, revision))) {
    const shallow = isCommit && (await isShallow(repository));
    throw incomparableError(
      `${path} was recorded from ${isCommit ? short : JSON.stringify(revision)}, which is no commit of ${repository}${shallow ? ', whose history was not fetched as a whole' : ''}.`,
      shallow ? `${at} fetch --unshallow; if it is not there then: ${record}` : record,
    );
  }
  const branch = await defaultBranch(repository);
  if (branch === undefined) {
    throw incomparableError(
      `whether ${short}, which ${path} was recorded from, will stay cannot be told: ${repository} has no origin/HEAD, origin/main or main.`,
      `${at} fetch origin main:refs/remotes/origin/main, or: ${at} remote set-head origin --auto`,
    );
  }
  if (!(await leadsTo(repository, branch, revision))) {
    const shallow = await isShallow(repository);
    throw incomparableError(
      `${short}, which ${path} was recorded from, is not reachable from ${branch}${shallow ? ' in what was fetched' : ': a commit of a branch that was squashed or dropped can vanish'}.`,
      shallow ? `${at} fetch --unshallow` : record,
    );
  }
  if (!(await leadsTo(repository, 'HEAD', revision))) {
    throw incomparableError(
      `HEAD was not made from ${short}, which ${path} was recorded from: it lacks what ${branch} had by then.`,
      `${at} rebase ${branch}`,
    );
  }
  return revision;
}

/** A tag of every night's build, or one that moves along, would hide what drifts slowly. */
const releaseTags = 'v[0-9]*';

/**
 * The last tag of a release, such as v1.2.0, that the head was made from; of a head that is a release
 * itself the one before, so that each release is held against its forerunner.
 * @throws PollgateError (undecided) where there is none
 */
export async function lastRelease(repository: string): Promise<{ tag: string; revision: string }> {
  const before = async (revision: string) =>
    git(repository, ['describe', '--tags', '--abbrev=0', '--match', releaseTags, revision]);
  const isRelease = await git(repository, ['tag', '--points-at', 'HEAD', '--list', releaseTags]);
  const described = await before(isRelease.text === '' ? 'HEAD' : 'HEAD^');
  if (!described.ok || described.text === '') {
    const at = `git -C ${JSON.stringify(repository)}`;
    throw incomparableError(
      `no tag that begins with v and a digit is reachable from ${isRelease.text === '' ? 'HEAD' : `what ${isRelease.text.split('\n')[0]} was made from`} in ${repository}, so that there is no release to compare with.`,
      (await isShallow(repository))
        ? `${at} fetch --unshallow --tags`
        : `${at} fetch --tags, or name a base: --base origin/main`,
    );
  }
  const tag = described.text;
  const commit = await git(repository, ['rev-parse', '--verify', `refs/tags/${tag}^{commit}`]);
  return { tag, revision: commit.text };
}

/** The first of these that is there: what the remote calls its default, then the usual names. */
async function defaultBranch(repository: string): Promise<string | undefined> {
  for (const name of ['origin/HEAD', 'origin/main', 'main']) {
    if (await holds(repository, name)) {
      return name;
    }
  }
  return undefined;
}

async function holds(repository: string, revision: string): Promise<boolean> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  return (await git(repository, args)).ok;
}

async function leadsTo(repository: string, tip: string, revision: string): Promise<boolean> {
  return (await git(repository, ['merge-base', '--is-ancestor', revision, tip])).ok;
}
