import { execa } from 'execa';
import { infrastructureError, PollgateError } from './errors.ts';

export interface GitAnswer {
  ok: boolean;
  /** Its standard output, without the newline at the end. */
  text: string;
  /** Its own words where it failed. */
  words: string;
}

/**
 * Runs git in a folder. A hook of the user's that starts us has GIT_DIR and its like set for its own
 * repository: they are kept out, and so are hooks of the repository that is read.
 * @param env what is set for this command alone
 * @throws PollgateError (infrastructure) where there is no git
 */
export async function git(
  dir: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<GitAnswer> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  const result = await execa('git', ['-c', 'core.hooksPath=/dev/null', ...args], {
    cwd: dir,
    env: { ...Object.fromEntries(inherited), LC_ALL: 'C', ...env },
    extendEnv: false,
    reject: false,
  });
  if (result.code === 'ENOENT' && result.exitCode === undefined) {
    throw infrastructureError(
      `git could not be started in ${dir}: ${result.shortMessage}`,
      `sudo apt-get install git && cd ${JSON.stringify(dir)}`,
    );
  }
  const words = result.stderr?.trim() || (result.shortMessage ?? '');
  return { ok: !result.failed, text: result.stdout ?? '', words };
}

/** As `git`, where a machine without git is no answer, and no failure. */
export function tryGit(dir: string, args: readonly string[]): Promise<GitAnswer> {
  return git(dir, args).catch((error: unknown) => {
    if (error instanceof PollgateError) {
      return { ok: false, text: '', words: error.message };
    }
    throw error;
  });
}
