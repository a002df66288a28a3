import type { Observation } from '../../analyze/observation.ts';
import { claim } from '../claim.ts';
import { blind, type Rule, type Sight, sight } from '../rule.ts';
import { kernelTakesCpus } from '../stolen.ts';

/** Of the periods: fewer are a peak now and then. */
const leastShare = 0.05;

export const cpuThrottling: Rule = {
  cause: 'cpu-throttling',
  meaning: 'the cgroup of the process has used up its CPU quota and stands still',
  remedy:
    'raise the quota (cpu.max, resources.limits.cpu), or set GOMAXPROCS to it: Go 1.25 and newer do so by themselves if nothing else sets it',
  leads: 'kernel',
  follows: ['spin', 'cpu-hog', 'gc-pressure', 'timer-storm'],
  look(seen) {
    const found = throttled(seen);
    return {
      kernel: outside(seen, found),
      runtime: kernelTakesCpus(seen),
      weight: found?.share ?? 0,
      summary: `its cgroup ${found?.group ?? ''} with ${found?.cpus ?? '?'} CPUs ran out of its quota in ${(100 * (found?.share ?? 0)).toFixed(0)} % of the periods`,
    };
  },
};

interface Throttled {
  group: string;
  cpus: number | null;
  share: number;
  periods: number;
  all: number;
}

function throttled({ proc }: Observation): Throttled | null {
  const all = (proc?.end.cpuLimits ?? []).flatMap((end) => {
    const begin = proc?.begin.cpuLimits.find(({ group }) => group === end.group);
    return begin === undefined
      ? []
      : [
          {
            group: end.group,
            cpus: end.cpus,
            // Not the time: throttled_usec adds up over the run queues that stand still.
            share:
              (end.throttledPeriods - begin.throttledPeriods) /
              Math.max(1, end.periods - begin.periods),
            periods: end.throttledPeriods - begin.throttledPeriods,
            all: end.periods - begin.periods,
          },
        ];
  });
  return all.sort((a, b) => b.share - a.share)[0] ?? null;
}

function outside(seen: Observation, found: Throttled | null): Sight {
  if (seen.proc === null) {
    return blind('/proc was not read at both ends');
  }
  if (found === null) {
    return sight(false, []);
  }
  return sight(found.share >= leastShare, [
    claim({
      source: '/proc',
      quantity: 'throttling',
      value: found.periods,
      unit: 'count',
      of: `${found.all} periods of its cgroup`,
      windowNs: seen.windowNs,
      says: `throttled in ${found.periods} of ${found.all} periods`,
    }),
  ]);
}
