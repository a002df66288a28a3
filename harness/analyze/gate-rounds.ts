import type { LoadPhase } from '../capture/load-result.ts';
import { ownValue } from '../lib/json.ts';
import { type Arm, arms, type ByArm, eachArm, eachMode, type GateMode } from '../scenario/arm.ts';
import { mergeGateMetrics } from '../scenario/meaning.ts';
import { type GateRoundEvidence, type GateUnitEvidence, phaseOf } from './gate-evidence.ts';
import { type RoundView, roundReaders } from './round-values.ts';

/** What is gated, and what it is read from. */
const kinds = {
  'latency-p50': 'timed',
  'latency-p99': 'timed',
  'cpu-per-request': 'counted',
  'context-switches-per-request': 'counted',
  'allocations-per-request': 'counted',
  'io-calls-per-request': 'counted',
} as const satisfies Record<GateMetric, 'timed' | 'counted'>;

export type GateMetric = (typeof mergeGateMetrics)[number];
export const gateMetrics: readonly GateMetric[] = mergeGateMetrics;

/** A count may be nothing, which has no ratio: then 1 + count is compared. */
const offsets: Partial<Record<GateMetric, number>> = { 'allocations-per-request': 1 };

/** The values of one metric, a place for each round. */
export interface GateMetricRounds {
  /** Above −`offset`; null where the round has none that may be used. */
  rounds: Record<GateMode, (ByArm<number> | null)[]>;
  /** Of p99: samples beyond it, of the program with fewest; 0 where the round has no value. */
  exceedances?: Record<GateMode, number[]>;
  /** Added to every value before ratios are formed; 0 by default. */
  offset?: number;
}

/**
 * Every gated metric of a unit, by window and round. What is counted rather than timed does not wait
 * in a queue: its «mixed» value is that of both windows together, for which both must be usable.
 */
export function gateRounds(unit: GateUnitEvidence): Record<GateMetric, GateMetricRounds> {
  const pairs = gateMetrics.map((metric) => [metric, readMetric(unit, metric)] as const);
  return Object.fromEntries(pairs) as Record<GateMetric, GateMetricRounds>;
}

function readMetric({ rounds }: GateUnitEvidence, metric: GateMetric): GateMetricRounds {
  const values = eachMode((mode) => rounds.map((round) => readValue(round, metric, mode)));
  const offset = offsets[metric];
  if (metric !== 'latency-p99') {
    return { rounds: values, ...(offset === undefined ? {} : { offset }) };
  }
  const exceedances = eachMode((mode) =>
    rounds.map((round, index) => (values[mode][index] == null ? 0 : fewestBeyond(round, mode))),
  );
  return { rounds: values, exceedances };
}

function readValue(
  round: GateRoundEvidence,
  metric: GateMetric,
  mode: GateMode,
): ByArm<number> | null {
  const windows: GateMode[] =
    kinds[metric] === 'counted' && mode === 'mixed' ? ['mixed', 'sliced'] : [mode];
  if (!windows.every((window) => isUsable(phaseOf(round, window), metric))) {
    return null;
  }
  const readTogether = (id: GateMetric, arm: Arm) =>
    together(windows.map((each) => partOf(round, id, each, arm)));
  // Nothing may be counted only where the counters moved: no server answers without CPU time.
  const moved = (arm: Arm) => (readTogether('cpu-per-request', arm) ?? 0) > 0;
  if (offsets[metric] !== undefined && !arms.every(moved)) {
    return null;
  }
  const values = eachArm((arm) => readTogether(metric, arm));
  const least = -(offsets[metric] ?? 0);
  return arms.every((arm) => values[arm] !== null && values[arm] > least)
    ? (values as ByArm<number>)
    : null;
}

interface Part {
  value: number | null;
  requests: number;
}

function partOf(round: GateRoundEvidence, metric: GateMetric, mode: GateMode, arm: Arm): Part {
  const load = ownValue(phaseOf(round, mode)?.arms, arm);
  const view: RoundView = {
    unobserved: load,
    unobservedEdges: round.record.windows[mode][arm],
    ...{ observed: undefined, observedEdges: undefined, probe: undefined },
  };
  return { value: roundReaders[metric](view), requests: load?.completed ?? 0 };
}

/** Per request over several windows; null where one cannot say. */
function together(parts: readonly Part[]): number | null {
  const requests = parts.reduce((sum, part) => sum + part.requests, 0);
  let total = 0;
  for (const part of parts) {
    if (part.value === null) {
      return null;
    }
    total += part.value * part.requests;
  }
  const value = parts.length === 1 ? (parts[0]?.value ?? null) : total / requests;
  return value !== null && Number.isFinite(value) ? value : null;
}

/**
 * Whether the generator lets ratios of a metric be judged. Figures of a program that it calls invalid
 * say nothing. Reasons against the pair concern what they name: those that end in -p50 or -p99 are
 * of the generator's own delays, which shift that quantile alone; all others concern everything.
 */
function isUsable(phase: LoadPhase | undefined, metric: GateMetric): boolean {
  const all = arms.map((arm) => ownValue(phase?.arms, arm));
  if (
    phase === undefined ||
    all.some((arm) => (arm?.validity.absolute ?? 'invalid') === 'invalid')
  ) {
    return false;
  }
  const { grade, reasons } = phase.paired;
  const told = grade === 'valid' || (grade === 'invalid' && reasons.length > 0);
  return (
    told && !reasons.some((reason) => reason.grade === 'invalid' && concerns(reason.rule, metric))
  );
}

function concerns(rule: string, metric: GateMetric): boolean {
  const quantile = /-(p50|p99)$/.exec(rule)?.[1];
  return quantile === undefined || metric === `latency-${quantile}`;
}

/** Of n samples so many lie beyond the one that is p99. */
function fewestBeyond(round: GateRoundEvidence, mode: GateMode): number {
  const counts = arms.map((arm) => ownValue(phaseOf(round, mode)?.arms, arm)?.completed ?? 0);
  return Math.min(...counts.map((n) => n - Math.ceil(0.99 * n)));
}
