import { probeValueAt } from '../analyze/histogram.ts';
import { cpuNs } from '../analyze/round-values.ts';
import type { Snapshot } from '../capture/counters.ts';
import type { LoadReason } from '../capture/load-result.ts';
import { UringDetails } from '../capture/probes/uring.ts';
import { checkJson, ownValue } from '../lib/json.ts';
import type { TurnEvidence } from './evidence.ts';
import { phaseNames } from './turn.ts';

/** What one window of one turn says; per request where it says so. */
export interface WindowValues {
  perSec: number;
  p50Ns: number;
  p99Ns: number;
  cpuNs: number | null;
  contextSwitches: number;
  /** Bytes from storage per request; null where the kernel does not tell. */
  deviceBytes: number | null;
  /** CPUs that the server used, the kernel's threads for it included. */
  cpusUsed: number | null;
  generatorBusy: number;
  grade: 'valid' | 'suspect' | 'invalid';
  reasons: readonly LoadReason[];
}

/** Null where the window was not measured or served nothing. */
export function windowValues(
  turn: TurnEvidence | undefined,
  server: string,
  window: string,
): WindowValues | null {
  const phase = turn?.load.phases.find(({ name }) => name === window);
  const arm = ownValue(phase?.arms, server);
  const seen = ownValue(turn?.record.windows, window);
  if (phase === undefined || arm === undefined || seen === undefined || arm.completed === 0) {
    return null;
  }
  const { p50, p99 } = arm.latencyNs;
  const cpu = cpuNs(seen.edges);
  // Not what lies between the snapshots: reading them takes its time, in which the server is idle.
  const lastedNs = phase.endNs - phase.startNs;
  const each = (total: number | null) => (total === null ? null : total / arm.completed);
  return {
    perSec: (arm.completed * 1e9) / lastedNs,
    p50Ns: p50 ?? Number.NaN,
    p99Ns: p99 ?? Number.NaN,
    cpuNs: each(cpu),
    contextSwitches: (switches(seen.edges.end) - switches(seen.edges.begin)) / arm.completed,
    deviceBytes: each(seen.deviceReadBytes),
    cpusUsed: cpu === null ? null : cpu / lastedNs,
    generatorBusy: phase.generator.busyRatio,
    grade: arm.validity.absolute,
    reasons: arm.validity.reasons,
  };
}

function switches({ fixture, proc }: Snapshot): number {
  return fixture === null
    ? proc.voluntarySwitches + proc.involuntarySwitches
    : fixture.voluntarySwitches + fixture.involuntarySwitches;
}

/** What the probes say of the observed window of one turn, per request. */
export interface ProbedValues {
  requests: number;
  systemCalls: number;
  taskWork: number | null;
  epollCalls: number;
  ringCalls: number;
  /** Of wakeupNs, in ns; null where it was not watched, nothing woke up, or too many wake-ups were lost. */
  wakeup: { count: number; p50: number; p99: number; max: number } | null;
}

/** Null without probes. */
export function probedValues(turn: TurnEvidence | undefined, server: string): ProbedValues | null {
  const probe = turn?.probe;
  const arm = ownValue(
    turn?.load.phases.find(({ name }) => name === phaseNames.observed)?.arms,
    server,
  );
  if (!probe?.syscalls || arm === undefined || arm.completed === 0) {
    return null;
  }
  const { syscalls } = probe;
  const sum = (names: readonly string[]) => names.reduce((n, name) => n + (syscalls[name] ?? 0), 0);
  const details = probe.details?.['uring'];
  const runs =
    details === undefined
      ? null
      : (checkJson(details, UringDetails, {
          name: 'the uring of netprobe',
          remedy: 'run the matrix again',
        }).taskWork?.runs ?? null);
  return {
    requests: arm.completed,
    systemCalls: sum(Object.keys(syscalls)) / arm.completed,
    taskWork: runs === null ? null : runs / arm.completed,
    epollCalls: sum(['epoll_wait', 'epoll_pwait', 'epoll_pwait2']),
    ringCalls: sum(['io_uring_enter']),
    wakeup: lostWakeups(probe) ? null : wakeupOf(probe.histograms['wakeupNs'] ?? null),
  };
}

/** More lost wake-ups than this share of those that were seen could be the slowest ones. */
const mostLost = 0.001;

/** System calls and task_work are counted in places of their own, which are never full. */
function lostWakeups({ lost, histograms }: NonNullable<TurnEvidence['probe']>): boolean {
  const missed = ['wakeupMapFull', 'wakeupWaiterUnreadable', 'unmatchedWakeups'].reduce(
    (sum, name) => sum + (lost[name] ?? 0),
    0,
  );
  return missed > mostLost * (histograms['wakeupNs']?.count ?? 0);
}

function wakeupOf(
  histogram: NonNullable<TurnEvidence['probe']>['histograms'][string],
): ProbedValues['wakeup'] {
  const [p50, p99] =
    histogram === null || histogram === undefined
      ? []
      : [0.5, 0.99].map((q) => probeValueAt(histogram, q));
  return !histogram || p50 == null || p99 == null
    ? null
    : { count: histogram.count, p50, p99, max: histogram.max };
}
