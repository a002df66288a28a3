import { execa } from 'execa';
import { rootDir } from '../lib/paths.ts';

/**
 * The branch that a checkout is on. Where HEAD is detached, as on a CI runner, the branch that
 * GitHub names: of a pull request the one it comes from. Undefined where nobody can tell.
 * @param dir a folder of the checkout
 */
export async function readBranch(
  dir: string = rootDir,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string | undefined> {
  const git = (...args: string[]) => execa('git', ['-C', dir, ...args], { reject: false });
  const head = await git('symbolic-ref', '--short', '--quiet', 'HEAD');
  if (!head.failed) {
    return head.stdout;
  }
  const inside = await git('rev-parse', '--git-dir');
  return inside.failed ? undefined : githubBranch(env);
}

/** GITHUB_REF_NAME is also the name of a tag, and «12/merge» of a pull request. */
function githubBranch(env: NodeJS.ProcessEnv): string | undefined {
  const source = env['GITHUB_HEAD_REF'] || undefined;
  const pushed = env['GITHUB_REF_TYPE'] === 'tag' ? undefined : env['GITHUB_REF_NAME'];
  return source ?? (pushed || undefined);
}
