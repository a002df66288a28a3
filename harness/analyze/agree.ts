import type { Agreement } from './agreement.ts';
import type { RoundEvidence, ScenarioEvidence } from './evidence.ts';
import { mergeProbeHistograms, probeValueAt } from './histogram.ts';
import { grown, viewRound } from './round-values.ts';

/** USER_HZ is 100 on every supported port. */
const procStepNs = 10_000_000;

/** Every quantity of this scenario that two independent sources have told. */
export function agreementsOf(evidence: ScenarioEvidence): Agreement[] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) =>
    [requests, cpuTime, wakeups].flatMap((check) => check(evidence, variant) ?? []),
  );
}

/**
 * Both sides count the same replies between two moments of rest: exact, but for requests that failed
 * on the client's side and may still have been served.
 */
function requests(evidence: ScenarioEvidence, variant: string): Agreement | undefined {
  const totals = sumRounds(evidence.rounds, (round) => {
    const view = viewRound(round, variant);
    const served = grown(view.unobservedEdges, (s) => s.fixture?.requests);
    return served === null || view.unobserved === undefined
      ? undefined
      : [view.unobserved.completed, served];
  });
  return (
    totals && {
      ...compare(totals, failedShare(evidence, variant)),
      variant,
      quantity: 'requests in the unobserved windows',
      unit: 'count',
      first: { source: 'load generator', value: totals[0] },
      second: { source: 'server counter', value: totals[1] },
    }
  );
}

/** Failed requests as a share of the completed ones. */
function failedShare(evidence: ScenarioEvidence, variant: string): number {
  const arms = evidence.rounds.flatMap((round) => viewRound(round, variant).unobserved ?? []);
  const failed = arms.reduce(
    (sum, { errors }) => sum + Object.values(errors).reduce((a, b) => a + b, 0),
    0,
  );
  const completed = arms.reduce((sum, arm) => sum + arm.completed, 0);
  return completed === 0 ? 0 : failed / completed;
}

/** /proc counts in steps of 10 ms: each window may differ by one at each edge, and 5 % besides. */
function cpuTime(evidence: ScenarioEvidence, variant: string): Agreement | undefined {
  const totals = sumRounds(evidence.rounds, (round) => {
    const { unobservedEdges } = viewRound(round, variant);
    const own = grown(
      unobservedEdges,
      (s) => s.fixture && s.fixture.userCpuNs + s.fixture.systemCpuNs,
    );
    const kernel = grown(unobservedEdges, (s) => s.proc.cpuNs);
    return own === null || kernel === null ? undefined : [own, kernel];
  });
  return (
    totals && {
      ...compare(totals, 0.05 + (evidence.rounds.length * 2 * procStepNs) / Math.max(1, totals[0])),
      variant,
      quantity: 'CPU time in the unobserved windows',
      unit: 'ns',
      first: { source: 'getrusage', value: totals[0] },
      second: { source: '/proc/PID/stat', value: totals[1] },
    }
  );
}

/** Further apart than this, the clocks of the probes and of programs join nothing. */
const mostClockNs = 1_000;

/**
 * Median wake-up of goroutines by the network. The windows are not the same to the millisecond and
 * the trace itself slows the server, so the gap is shown and not judged.
 */
function wakeups(evidence: ScenarioEvidence, variant: string): Agreement | undefined {
  const traced = evidence.rounds.find((round) => round.traces[variant] !== undefined);
  if ((traced?.netprobe?.clock?.boundNs ?? 0) > mostClockNs) {
    return undefined; // Two clocks: what they saw cannot be put side by side.
  }
  const histogram = traced?.netprobe?.targets[variant]?.histograms['wakeupNs'];
  const trace = traced?.traces[variant]?.networkWakeupNs;
  if (!histogram || trace === undefined || trace.count === 0) {
    return undefined;
  }
  const probed = probeValueAt(mergeProbeHistograms([histogram]), 0.5);
  return probed === null
    ? undefined
    : {
        ...compare([probed, trace.p50], 0),
        state: 'shown',
        variant,
        quantity: 'median wake-up of a goroutine by the network, last round',
        unit: 'ns',
        first: { source: 'eBPF', value: probed },
        second: { source: 'execution trace', value: trace.p50 },
      };
}

type Pair = [first: number, second: number];

function sumRounds(
  rounds: readonly RoundEvidence[],
  pick: (round: RoundEvidence) => Pair | undefined,
): Pair | undefined {
  const pairs = rounds.map(pick).filter((pair) => pair !== undefined);
  return pairs.length === 0
    ? undefined
    : pairs.reduce(([a, b], [first, second]): Pair => [a + first, b + second], [0, 0]);
}

function compare([first, second]: Pair, tolerance: number) {
  const largest = Math.max(Math.abs(first), Math.abs(second));
  const gap = largest === 0 ? 0 : Math.abs(first - second) / largest;
  const state = gap <= tolerance ? ('agree' as const) : ('disagree' as const);
  return { tolerance, gap, state };
}
