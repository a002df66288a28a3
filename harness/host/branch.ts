import { readFile } from 'node:fs/promises';
import { tryGit } from '../lib/git.ts';
import { rootDir } from '../lib/paths.ts';

/**
 * The branch that a checkout is on. Where HEAD is detached, as on a CI runner, the branch that
 * GitHub names: of a pull request the one it comes from. Undefined where nobody can tell, for a
 * fork, which may call its branches what it likes, and in a merge queue, which makes its own.
 * @param dir a folder of the checkout
 */
export async function readBranch(
  dir: string = rootDir,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const head = await tryGit(dir, ['symbolic-ref', '--short', '--quiet', 'HEAD']);
  if (head.ok) {
    return head.text;
  }
  const inside = await tryGit(dir, ['rev-parse', '--git-dir']);
  return inside.ok ? await githubBranch(env) : undefined;
}

/** GITHUB_REF_NAME is also the name of a tag, and «12/merge» of a pull request. */
async function githubBranch(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const source = env['GITHUB_HEAD_REF'] || undefined;
  if (source !== undefined) {
    return (await isOwn(env)) ? source : undefined;
  }
  const pushed = env['GITHUB_REF_TYPE'] === 'branch' ? env['GITHUB_REF_NAME'] : undefined;
  return pushed === undefined || pushed.startsWith('gh-readonly-queue/') ? undefined : pushed;
}

/** Whether a pull request comes from the repository itself, as the event's file says. */
async function isOwn(env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    const event = JSON.parse(await readFile(env['GITHUB_EVENT_PATH'] ?? '', 'utf8'));
    const name = event?.pull_request?.head?.repo?.full_name;
    return typeof name === 'string' && name === env['GITHUB_REPOSITORY'];
  } catch {
    return false;
  }
}
