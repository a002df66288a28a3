import type { Observation } from '../../analyze/observation.ts';
import { claim } from '../claim.ts';
import { blind, type Rule, type Sight, sight } from '../rule.ts';
import { kernelTakesCpus } from '../stolen.ts';

/** Time in the kernel's run queues, of the time on a CPU. */
const leastWaiting = 0.5;
/** Of the machine's CPUs: what others use, and what is idle where the process has to wait for others. */
const leastForeign = 0.4;
const mostIdle = 0.1;

export const cpuNeighbour: Rule = {
  cause: 'cpu-neighbour',
  meaning: 'other processes of the machine take the CPUs while this one wants them',
  remedy:
    'the cause lies with the neighbours named here: move one of them, or give this process CPUs of its own (cpuset, requests equal to limits)',
  leads: 'kernel',
  // A group that stands still waits in the same queues.
  follows: ['cpu-throttling'],
  look(seen) {
    const found = neighbours(seen);
    return {
      kernel: outside(seen, found),
      runtime: kernelTakesCpus(seen),
      weight: found === null ? 0 : found.waiting / (1 + found.waiting),
      summary: `its threads wait in the kernel's run queues ${(found?.waiting ?? 0).toFixed(2)} s for each second on a CPU, while others use ${(found?.foreign ?? 0).toFixed(2)} CPUs: ${found?.names ?? ''}`,
    };
  },
};

interface Neighbours {
  waiting: number;
  foreign: number;
  idle: number;
  cpus: number;
  names: string;
}

function neighbours({ record, proc, windowNs }: Observation): Neighbours | null {
  if (proc === null) {
    return null;
  }
  const before = new Map(proc.begin.threads.map((thread) => [thread.id, thread]));
  let [run, wait] = [0, 0];
  for (const thread of proc.end.threads) {
    run += thread.runNs - (before.get(thread.id)?.runNs ?? 0);
    wait += thread.waitNs - (before.get(thread.id)?.waitNs ?? 0);
  }
  const known = new Map(proc.begin.host.processes.map((process) => [process.pid, process.cpuNs]));
  const others = proc.end.host.processes
    .filter(({ pid }) => pid !== record.target.pid)
    .map(({ pid, name, cpuNs }) => ({
      pid,
      name,
      cpus: (cpuNs - (known.get(pid) ?? 0)) / windowNs,
    }))
    .sort((a, b) => b.cpus - a.cpus);
  return {
    waiting: run > 0 ? wait / run : 0,
    foreign: others.reduce((sum, { cpus }) => sum + cpus, 0),
    idle: (proc.end.host.idleNs - proc.begin.host.idleNs) / windowNs,
    cpus: proc.end.host.cpus,
    names: others
      .slice(0, 3)
      .filter(({ cpus }) => cpus >= 0.05)
      .map(({ pid, name, cpus }) => `${name} (${pid}) ${cpus.toFixed(2)}`)
      .join(', '),
  };
}

function outside(seen: Observation, found: Neighbours | null): Sight {
  if (found === null) {
    return blind('/proc was not read at both ends');
  }
  const { waiting, foreign, idle, cpus, names } = found;
  return sight(
    waiting >= leastWaiting && foreign >= leastForeign * cpus && idle <= mostIdle * cpus,
    [
      claim({
        source: '/proc',
        quantity: 'run-queue-time',
        value: waiting,
        unit: 'count',
        of: 'a second of its threads on a CPU',
        windowNs: seen.windowNs,
        says: `its threads stood ${waiting.toFixed(2)} s in the kernel's run queues for each second on a CPU; others used ${foreign.toFixed(2)} CPUs (${names || 'none much'}), ${idle.toFixed(2)} were idle`,
      }),
    ],
  );
}
