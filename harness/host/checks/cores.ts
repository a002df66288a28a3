import { availableParallelism, cpus } from 'node:os';
import { readCpuQuota } from '../cgroup.ts';
import { degraded, type Outcome, ok, type Prerequisite } from './prerequisite.ts';

const lost = ['undisturbed p50 and p99: generator and server share a core'];

/** CPUs that this process may use: the generator wants one of its own. */
export const cores: Prerequisite = {
  id: 'cores',
  title: 'CPUs',
  lost,
  inspect: 'nproc; nproc --all',
  look: async () =>
    judgeCores({ usable: availableParallelism(), all: cpus().length, quota: await readCpuQuota() }),
};

export interface CpuRoom {
  /** CPUs in this process's affinity mask. */
  usable: number;
  /** CPUs of the machine. */
  all: number;
  /** CPUs' worth of time that the control group allows; undefined if it cannot be seen. */
  quota: number | undefined;
}

export function judgeCores({ usable, all, quota = Number.POSITIVE_INFINITY }: CpuRoom): Outcome {
  const limited = Number.isFinite(quota) ? `, control group allows ${quota.toFixed(2)}` : '';
  const seen = `${usable} of ${all}${limited}`;
  if (usable < 2) {
    const remedy =
      all > 1 ? `taskset -cp 0-${all - 1} $$` : 'nproc --all # a machine with 2 or more is needed';
    return degraded(seen, { lost, remedy });
  }
  if (quota < 2) {
    return degraded(seen, {
      lost: ['undisturbed p99: the control group stops the servers when their share is used up'],
      remedy: 'docker update --cpus 0 "$HOSTNAME" # on the host; 0 lifts the quota',
    });
  }
  return ok(seen);
}
