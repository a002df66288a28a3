import { findNetprobeAccess } from '../netprobe-access.ts';
import { ebpfLost } from './ebpf.ts';
import { degraded, ok, type Prerequisite } from './prerequisite.ts';
import { runProgram } from './program.ts';
import { buildCommand, isRoot } from './remedy.ts';

/** Root, or sudo that does not ask: for netprobe alone, nothing else is started with it. */
export const privileges: Prerequisite = {
  id: 'privileges',
  title: 'Root or sudo',
  lost: ebpfLost,
  inspect: 'id; sudo -n true',
  async look({ netprobe, signal }) {
    if (isRoot()) {
      return ok('root');
    }
    // sudo may allow netprobe alone, so netprobe is what has to be tried.
    const access = await findNetprobeAccess(netprobe, signal);
    const first = access?.capabilities.find(({ capability }) => capability === 'privileges');
    if (access === undefined || first === undefined) {
      const sudo = await runProgram(['sudo', '-n', 'true'], signal);
      return sudo.exitCode === 0
        ? ok('sudo without a password')
        : degraded(sudo.complaint, { lost: ebpfLost, remedy: buildCommand });
    }
    if (first.ok) {
      return ok(access.command[0] === 'sudo' ? 'sudo without a password' : 'netprobe has its own');
    }
    return degraded(access.refusal, { lost: ebpfLost, remedy: first.remedy });
  },
};
