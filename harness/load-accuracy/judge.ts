import { formatNs, formatRate, noValue } from '../lib/units.ts';
import { median } from './median.ts';
import type { Target } from './result.ts';
import type { Cost } from './run-tool.ts';
import { type Load, onlyArm } from './tools/ours.ts';

/** One run of our generator against a truth server, in the truth protocol. */
export interface OwnRun {
  load: Load;
  cost: Cost;
  /** From the start of the process until all connections were up. */
  upNs: number;
}

/** What the runs of a goal have shown. */
export type Judgement = Pick<Target, 'seen' | 'met'>;

/** So many clean runs are asked for alarms. */
const cleanRunsWanted = 100;

/**
 * A run is clean when the oracle finds its p99 right: on a machine with neighbours others know
 * less, and most alarms are true. An alarm about the generator in a clean run is false. Whether a
 * server kept its pace the oracle cannot say; such alarms stand beside it, and so does how wrong
 * a run can be that is called valid.
 */
export function judgeClean(runs: readonly OwnRun[]): Judgement {
  const arms = runs.flatMap(armsOf);
  const clean = arms.filter(p99IsRight).slice(0, cleanRunsWanted);
  const falseAlarms = clean.filter(blamesGenerator);
  const unsteady = clean.filter((arm) => isAlarm(arm) && !blamesGenerator(arm));
  const errors = arms.flatMap((arm) =>
    isAlarm(arm) || arm.oracle === undefined ? [] : Math.abs(arm.oracle.quantileErrors.p99Ns),
  );
  const worst = errors.length === 0 ? null : Math.max(...errors);
  return {
    seen: `${falseAlarms.length} of ${clean.length} clean runs${rulesOf(falseAlarms)}, ${unsteady.length} more for the server’s pace${rulesOf(unsteady)}; of all ${arms.length}, ${arms.filter(isAlarm).length} not valid, the others’ p99 off by at most ${formatNs(worst)}`,
    met: falseAlarms.length > 1 ? false : clean.length < cleanRunsWanted ? null : true,
  };
}

function rulesOf(arms: readonly Arm[]): string {
  const rules = arms.flatMap(({ validity }) => validity.reasons.map(({ rule }) => rule));
  return rules.length === 0 ? '' : ` (${[...new Set(rules)].join(', ')})`;
}

/** Whether no further runs are needed to judge. */
export function hasEnoughClean(runs: readonly OwnRun[]): boolean {
  return runs.flatMap(armsOf).filter(p99IsRight).length >= cleanRunsWanted;
}

function armsOf({ load }: OwnRun): Arm[] {
  return load.phases.flatMap((phase) => Object.values(phase.arms));
}

function blamesGenerator({ validity }: Arm): boolean {
  return validity.reasons.some(({ cause }) => cause !== 'server');
}

function isAlarm({ validity }: Arm): boolean {
  return validity.absolute !== 'valid';
}

type Arm = ReturnType<typeof onlyArm>;

/** By the goal of the error against the oracle. Without an oracle nothing is known to be right. */
function p99IsRight({ oracle }: Arm): boolean {
  return (
    oracle !== undefined && Math.abs(oracle.quantileErrors.p99Ns) <= p99Limit(oracle.expected.p99Ns)
  );
}

function p99Limit(expectedNs: number): number {
  return Math.max(50e3, 0.005 * expectedNs);
}

/** The size of the error counts, run by run: errors of both signs must not cancel each other. */
export function judgeOracle(runs: readonly OwnRun[]): Judgement {
  const oracles = runs.flatMap(({ load }) => onlyArm(load).oracle ?? []);
  const error = (name: 'p50Ns' | 'p99Ns') =>
    median(oracles.map(({ quantileErrors }) => Math.abs(quantileErrors[name])));
  const expected = median(oracles.map((oracle) => oracle.expected.p99Ns));
  const [p50, p99] = [error('p50Ns'), error('p99Ns')];
  const without = runs.length - oracles.length;
  const note = without === 0 ? '' : `, ${without} of ${runs.length} runs without an oracle`;
  return {
    seen: `|p50| ${formatNs(p50)}, |p99| ${formatNs(p99)} of ${formatNs(expected)}${note}; ${grades(runs)}`,
    met: without === 0 && below(p50, 10e3) && below(p99, p99Limit(expected ?? 0)),
  };
}

/** Shares are of what the seed has drawn: a Poisson count is not the nominal rate. */
export function judgeRate(runs: readonly OwnRun[], promise: 'achieved' | 'sent'): Judgement {
  const sum = (name: 'sent' | 'scheduled') =>
    runs.reduce((total, { load }) => total + onlyArm(load)[name], 0);
  const sent = sum('sent') / sum('scheduled');
  const achieved = medianOf(runs, ({ load }) => {
    const offered = load.phases[0]?.offeredRatePerSec ?? 0;
    return offered > 0 ? onlyArm(load).achievedRatePerSec / offered : null;
  });
  const rate = medianOf(runs, ({ load }) => onlyArm(load).achievedRatePerSec);
  const busy = medianOf(runs, ({ load }) => load.phases[0]?.generator.busyRatio ?? null) ?? 0;
  const valid = runs.filter(({ load }) => onlyArm(load).validity.absolute === 'valid').length;
  const percent = (share: number | null) =>
    share === null || Number.isNaN(share) ? noValue : `${(100 * share).toFixed(2)} %`;
  return {
    seen: `${percent(sent)} sent, ${percent(achieved)} answered (${formatRate(rate)}), generator busy ${(100 * busy).toFixed(0)} %; ${grades(runs)}`,
    met:
      promise === 'achieved'
        ? valid * 2 > runs.length && achieved !== null && achieved >= 0.999
        : sent >= 0.999,
  };
}

export function judgeMany(runs: readonly OwnRun[]): Judgement {
  // The worst, not the median: it must work again right after.
  const up = Math.max(...runs.map(({ upNs }) => upNs));
  const memory = Math.max(...runs.map(({ cost }) => cost.maxRssBytes)) / 2 ** 20;
  const p99 = Math.max(...runs.map((run) => lag('p99')(run) ?? Number.POSITIVE_INFINITY));
  return {
    seen: `up in ${formatNs(up)}, ${memory.toFixed(0)} MiB, lag p99 ${formatNs(p99)}; ${grades(runs)}`,
    met: up <= 5e9 && memory <= 100 && p99 <= 200e3,
  };
}

/** As the kernel had it in these runs: «fifo», «other», or both where it differed. */
export function schedulingOf(runs: readonly OwnRun[]): string {
  const all = runs.flatMap(({ load }) => load.phases.map((phase) => phase.generator.scheduling));
  return [...new Set(all)].toSorted().join(', ');
}

export function lag(name: 'p50' | 'p99'): (run: OwnRun) => number | null {
  return ({ load }) => onlyArm(load).sendLagNs[name];
}

export function latency(name: 'p50' | 'p99'): (run: OwnRun) => number | null {
  return ({ load }) => onlyArm(load).latencyNs[name];
}

export function medianOf(
  runs: readonly OwnRun[],
  value: (run: OwnRun) => number | null,
): number | null {
  return median(runs.flatMap((run) => value(run) ?? []));
}

export function below(value: number | null, limit: number): boolean {
  return value !== null && value <= limit;
}

/** What the generator itself says of its runs: «4 valid, 1 invalid (pacing-lag)». */
export function grades(runs: readonly OwnRun[]): string {
  const groups = Map.groupBy(runs, ({ load }) => onlyArm(load).validity.absolute);
  return [...groups]
    .map(([grade, own]) => {
      const rules = own.flatMap(({ load }) =>
        onlyArm(load).validity.reasons.map(({ rule }) => rule),
      );
      const why = [...new Set(rules)].join(', ');
      return `${own.length} ${grade}${why === '' ? '' : ` (${why})`}`;
    })
    .join(', ');
}
