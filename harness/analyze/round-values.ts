import type { Snapshot } from '../capture/counters.ts';
import type { ArmLoad } from '../capture/load-result.ts';
import type { ProbeTarget } from '../capture/netprobe-result.ts';
import { ownValue } from '../lib/json.ts';
import type { MetricId } from '../scenario/metric.ts';
import type { RoundEvidence } from './evidence.ts';
import { mergeHistograms, probeValueAt, valueAt } from './histogram.ts';

/** One variant's share of the evidence of one round. */
export interface RoundView {
  unobserved: ArmLoad | undefined;
  observed: ArmLoad | undefined;
  unobservedEdges: { begin: Snapshot; end: Snapshot } | undefined;
  observedEdges: { begin: Snapshot; end: Snapshot } | undefined;
  probe: ProbeTarget | undefined;
}

export function viewRound(round: RoundEvidence, variant: string): RoundView {
  const phase = (name: string) =>
    ownValue(round.load.phases.find((p) => p.name === name)?.arms, variant);
  return {
    unobserved: phase('unobserved'),
    observed: phase('observed'),
    unobservedEdges: ownValue(round.record.windows.unobserved, variant),
    observedEdges: ownValue(round.record.windows.observed, variant),
    probe: ownValue(round.netprobe?.targets, variant),
  };
}

/** How one metric is read from one round; null where the round cannot say. */
type Reader = (view: RoundView) => number | null;

const reads = ['read', 'pread64', 'readv', 'preadv', 'preadv2', 'recvfrom', 'recvmsg', 'recvmmsg'];
const writes = [
  'write',
  'pwrite64',
  'writev',
  'pwritev',
  'pwritev2',
  'sendto',
  'sendmsg',
  'sendmmsg',
  'sendfile',
];
const polls = ['epoll_pwait', 'epoll_pwait2', 'epoll_wait', 'io_uring_enter'];

/** Every metric that has one value per round; the closed-loop figure is read elsewhere. */
export const roundReaders: Record<Exclude<MetricId, 'throughput-closed-loop'>, Reader> = {
  'latency-p50': ({ unobserved }) => latencyAt(unobserved, 0.5),
  'latency-p99': ({ unobserved }) => latencyAt(unobserved, 0.99),
  'cpu-per-request': (view) => perRequest(view.unobserved, cpuNs(view.unobservedEdges)),
  'context-switches-per-request': (view) =>
    perRequest(view.unobserved, contextSwitches(view.unobservedEdges)),
  'allocations-per-request': (view) =>
    perRequest(
      view.unobserved,
      grown(view.unobservedEdges, (s) => s.fixture?.heapAllocObjects),
    ),
  'failed-requests-per-1000': ({ unobserved }) => failedPer1000(unobserved),
  'io-calls-per-request': (view) => perRequest(view.unobserved, ioCalls(view.unobservedEdges)),
  'reads-per-request': ({ observed, probe }) => perRequest(observed, calls(probe, reads)),
  'writes-per-request': ({ observed, probe }) => perRequest(observed, calls(probe, writes)),
  'polls-per-request': ({ observed, probe }) => perRequest(observed, calls(probe, polls)),
  'leaked-descriptors-per-1000': ({ observed, probe }) => {
    const open = probe?.descriptors?.openAtEnd;
    const leaked = open && Object.values(open).reduce((a, b) => a + b, 0);
    const each = perRequest(observed, leaked ?? null);
    return each === null ? null : each * 1000;
  },
  'wakeup-p99': ({ probe }) => {
    const histogram = probe?.histograms['wakeupNs'];
    return histogram ? probeValueAt(histogram, 0.99) : null;
  },
};

/** Latency at a quantile from the histogram; null for an empty one, which would otherwise say 0. */
function latencyAt(arm: ArmLoad | undefined, quantile: number): number | null {
  if (arm === undefined) {
    return null;
  }
  const histogram = mergeHistograms([arm.latencyHistogram]);
  // Every completed request has one sample; another number is another window's histogram.
  return histogram?.totalCount === arm.completed ? valueAt(histogram, quantile) : null;
}

/** A request that found no free connection has failed as surely as one that was refused. */
function failedPer1000(arm: ArmLoad | undefined): number | null {
  if (arm === undefined) {
    return null;
  }
  const failed = Object.values(arm.errors).reduce((sum, count) => sum + count, 0) + arm.unsent;
  // Where no request came to any end, nobody counted.
  return arm.scheduled === 0 || arm.completed + failed === 0
    ? null
    : (1000 * failed) / arm.scheduled;
}

function perRequest(arm: ArmLoad | undefined, total: number | null): number | null {
  return arm === undefined || arm.completed === 0 || total === null ? null : total / arm.completed;
}

/** CPU time of the window: getrusage where the server tells it, else /proc in steps of 10 ms. */
export function cpuNs(edges: RoundView['unobservedEdges']): number | null {
  const own = grown(edges, (s) => s.fixture && s.fixture.userCpuNs + s.fixture.systemCpuNs);
  return own ?? grown(edges, (s) => s.proc.cpuNs);
}

function contextSwitches(edges: RoundView['unobservedEdges']): number | null {
  const own = grown(
    edges,
    (s) => s.fixture && s.fixture.voluntarySwitches + s.fixture.involuntarySwitches,
  );
  return own ?? grown(edges, (s) => s.proc.voluntarySwitches + s.proc.involuntarySwitches);
}

function ioCalls(edges: RoundView['unobservedEdges']): number | null {
  const reads = grown(edges, (s) => s.proc.readCalls);
  const writes = grown(edges, (s) => s.proc.writeCalls);
  return reads === null || writes === null ? null : reads + writes;
}

/** Growth of a counter over a window; null where an edge does not have it. */
export function grown(
  edges: RoundView['unobservedEdges'],
  pick: (snapshot: Snapshot) => number | null | undefined,
): number | null {
  const begin = edges && pick(edges.begin);
  const end = edges && pick(edges.end);
  return typeof begin === 'number' && typeof end === 'number' ? end - begin : null;
}

function calls(probe: ProbeTarget | undefined, names: readonly string[]): number | null {
  const counts = probe?.syscalls;
  // A server that answered has made system calls: none at all means that nobody counted.
  return counts && Object.keys(counts).length > 0
    ? names.reduce((sum, name) => sum + (counts[name] ?? 0), 0)
    : null;
}
