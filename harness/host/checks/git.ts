import { missing, ok, type Prerequisite } from './prerequisite.ts';
import { runProgram } from './program.ts';
import { installCommand } from './remedy.ts';

const lost = ['the revision of a run, and with it baselines'];

/** git, which says what was measured. */
export const git: Prerequisite = {
  id: 'git',
  title: 'git',
  lost,
  inspect: 'git --version',
  async look({ signal }) {
    const { exitCode, stdout, complaint } = await runProgram(['git', '--version'], signal);
    return exitCode === 0
      ? ok(stdout.trim().replace(/^git version /, ''))
      : missing(complaint, { lost, remedy: installCommand('git') });
  },
};
