import { readFile } from 'node:fs/promises';
import { missing, ok, type Prerequisite } from './prerequisite.ts';
import { runProgram } from './program.ts';
import { installCommand } from './remedy.ts';

const lost = ['everything: servers are started through setpriv and taskset'];

/** taskset and setpriv with the options in use; the small versions of other makers lack some. */
export const utilLinux: Prerequisite = {
  id: 'util-linux',
  title: 'taskset, setpriv',
  lost,
  inspect: 'taskset --version; setpriv --version',
  async look({ signal }) {
    const status = await readFile('/proc/self/status', 'utf8');
    const cpus = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '0';
    const commands = [
      ['taskset', '--cpu-list', cpus, 'true'],
      ['setpriv', '--pdeathsig', 'KILL', '--', 'true'],
    ];
    const results = await Promise.all(commands.map((command) => runProgram(command, signal)));
    const failed = results.find((result) => result.exitCode !== 0);
    return failed === undefined
      ? ok('both work')
      : missing(failed.complaint, { lost, remedy: installCommand('util-linux') });
  },
};
