import type { Agreement } from './agreement.ts';
import type { RoundEvidence, ScenarioEvidence } from './evidence.ts';
import { mergeProbeHistograms, probeValueAt } from './histogram.ts';
import { grown, viewRound } from './round-values.ts';

/** Every quantity of this scenario that two independent sources have told. */
export function agreementsOf(evidence: ScenarioEvidence): Agreement[] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) =>
    [requests, cpuTime, wakeups].flatMap((check) => check(evidence, variant) ?? []),
  );
}

/** Exact: both sides count the same replies between two moments of rest. */
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
      ...compare(totals, 0),
      variant,
      quantity: 'requests in the unobserved windows',
      unit: 'count',
      first: { source: 'load generator', value: totals[0] },
      second: { source: 'server counter', value: totals[1] },
    }
  );
}

/** /proc counts in steps of 10 ms, so a window of some seconds agrees to a few percent. */
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
      ...compare(totals, 0.05),
      variant,
      quantity: 'CPU time in the unobserved windows',
      unit: 'ns',
      first: { source: 'getrusage', value: totals[0] },
      second: { source: '/proc/PID/stat', value: totals[1] },
    }
  );
}

/**
 * Median wake-up of goroutines by the network. The windows are not the same to the millisecond and
 * the trace itself slows the server, so the gap is shown and not judged.
 */
function wakeups(evidence: ScenarioEvidence, variant: string): Agreement | undefined {
  const traced = evidence.rounds.find((round) => round.traces[variant] !== undefined);
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
