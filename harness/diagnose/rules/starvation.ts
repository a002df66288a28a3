import { probeValueAt } from '../../analyze/histogram.ts';
import type { Observation } from '../../analyze/observation.ts';
import { formatNs } from '../../lib/units.ts';
import { claim } from '../claim.ts';
import { cpusAllowed, cpusUsed, hottest } from '../cpu.ts';
import {
  blind,
  type Look,
  type Rule,
  type Sight,
  sight,
  withoutPprof,
  withoutScheduler,
} from '../rule.ts';

/** A P is free within microseconds unless all are busy; this long is a queue. */
const leastMeanNs = 500_000;
/** Goroutines in the run queues at any time, on average. */
const leastRunnable = 1;

export const starvation: Rule = {
  cause: 'starvation',
  meaning: 'goroutines are ready and wait for a P: the CPUs that Go may use are all busy',
  remedy:
    'give it CPUs (GOMAXPROCS, the quota), or take the work out of the way of requests: fewer goroutines that compute at a time, shorter pieces',
  leads: 'kernel',
  follows: [
    'connection-reuse',
    'gc-pressure',
    'timer-storm',
    'small-writes',
    'small-reads',
    'spin',
    'cpu-hog',
    'cpu-neighbour',
    'cpu-throttling',
  ],
  look(seen): Look {
    const outside = waitForP(seen);
    const trace = seen.runtime.trace;
    const runnable = trace && trace.durationNs > 0 ? trace.runnableNs / trace.durationNs : 0;
    const used = cpusUsed(seen);
    const hot = seen.runtime.cpu && hottest(seen.runtime.cpu);
    return {
      kernel: outside.sight,
      runtime: inside(seen, runnable),
      weight: Math.min(1, runnable / (1 + runnable)),
      summary: `goroutines that are ready wait ${formatNs(outside.meanNs)} for a P on average, with ${(used ?? 0).toFixed(2)} of ${cpusAllowed(seen) ?? '?'} CPUs in use${hot ? `, ${(100 * hot.share).toFixed(0)} % of it at ${hot.place}` : ''}`,
    };
  },
};

function waitForP(seen: Observation): { sight: Sight; meanNs: number | null } {
  const slice = seen.scheduler;
  if (slice === null) {
    return { sight: withoutScheduler(seen), meanNs: null };
  }
  const waits = slice.probe.histograms['wakeupWaitPNs'];
  const all = slice.probe.histograms['goroutineWakeupNs'];
  if (!waits || waits.count + (all?.count ?? 0) === 0) {
    return { sight: blind('no goroutine was woken in the slice'), meanNs: null };
  }
  const meanNs = waits.count > 0 ? waits.sum / waits.count : (all?.sum ?? 0) / (all?.count ?? 1);
  return {
    meanNs,
    sight: sight(meanNs >= leastMeanNs, [
      claim({
        source: 'eBPF, wake-ups',
        quantity: 'run-queue-time',
        value: meanNs,
        unit: 'ns',
        of: `${waits.count} wake-ups by the network`,
        windowNs: slice.windowNs,
        says: `from ready to running ${formatNs(meanNs)} on average and ${formatNs(probeValueAt(waits, 0.99))} at p99, not counting the kernel's own queue`,
      }),
    ]),
  };
}

function inside(seen: Observation, runnable: number): Sight {
  const { trace } = seen.runtime;
  if (trace === null) {
    return withoutPprof(seen, 'execution trace');
  }
  return sight(runnable >= leastRunnable, [
    claim({
      source: 'execution trace',
      quantity: 'run-queue-time',
      value: trace.runnableNs,
      unit: 'ns',
      of: 'the slice',
      windowNs: trace.durationNs,
      says: `${runnable.toFixed(2)} goroutines are ready and wait at any time, ${(trace.runningNs / trace.durationNs).toFixed(2)} run`,
    }),
  ]);
}
