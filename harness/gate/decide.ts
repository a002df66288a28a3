import { eachArm, type GateMode, gateModes } from '../scenario/arm.ts';
import { neededExceedances } from '../stats/exceedance.ts';
import { studentTQuantile, studentTUpperTail } from '../stats/student-t.ts';
import { fewestValues, type TrimmedMean } from '../stats/trimmed-mean.ts';
import { type LookLevels, usableShare } from './design.ts';
import { type ArmValues, controlOf, effectOf, isUsable } from './effect.ts';

/** What the rounds so far have shown of one metric. */
export interface MetricRounds {
  better: 'lower' | 'higher';
  /** A change for the worse beyond this is a regression, > 0. */
  limitPercent: number;
  /** By mode: one entry a round; null where the round has no value that may be used. */
  rounds: Record<GateMode, readonly (ArmValues | null)[]>;
  /**
   * Samples beyond the quantile by mode and round, of the program that has fewest; undefined for
   * what is no quantile. Under 100 in all nothing is decided.
   */
  exceedances?: Record<GateMode, readonly number[]>;
  /** Added to every value before ratios are formed, for counts that may be nothing; default 0. */
  offset?: number;
}

/** The same as it was after so many rounds. */
export function firstRounds(metric: MetricRounds, count: number): MetricRounds {
  const { rounds, exceedances } = metric;
  const first = <T>(all: Record<GateMode, readonly T[]>) => ({
    mixed: all.mixed.slice(0, count),
    sliced: all.sliced.slice(0, count),
  });
  return {
    ...metric,
    rounds: first(rounds),
    ...(exceedances ? { exceedances: first(exceedances) } : {}),
  };
}

type GateOutcome = 'pass' | 'improved' | 'regressed' | 'inconclusive' | 'unmeasurable';

/** Head ÷ base with a two-sided 95 % interval over rounds; above 1 is worse. */
interface WorseRatio {
  center: number;
  lo: number;
  hi: number;
  /** Rounds with a value. */
  n: number;
}

export interface Decision {
  outcome: GateOutcome;
  /** The windows that decided, or else those that may acquit. */
  basis: GateMode;
  /** In the sliced windows, whose effects are not diluted; null with too few rounds. */
  ratio: WorseRatio | null;
  /** The second build of the base against the first, in the same windows. */
  control: WorseRatio | null;
  /** One-sided p-value of «not above the limit», the smaller of both modes; 1 without values. */
  p: number;
  /** Rounds that would decide it, if effect and noise stayed as they are; null where that is unknown. */
  neededRounds: number | null;
  /** Why it could not be decided, or what convicted where `ratio` does not show it; empty otherwise. */
  why: string;
}

/** A gain beyond this is a mix-up of units, or work left undone, until someone has looked. */
const implausibleGain = 10;

/** A control this improbable, and of this share of the limit, convicts the machine. */
const controlAlpha = 1e-4;
const controlShare = 0.5;

/**
 * Printed intervals are called 95 % ones and are computed at 95.8 %: with 12 to 39 rounds Student's t
 * over a trimmed mean covers a little less than it says, and ending early, when the rounds happen to
 * look clear, takes some more. What they cover is in the table of `npm run selftest`.
 */
const nominalConfidence = 0.958;

/**
 * Decides one metric at one look.
 *
 *   regressed     the effect is above the limit, in the mixed or in the sliced windows
 *   pass          it is below the limit, in the sliced windows: in mixed ones programs wait for each
 *                 other, which draws their latencies together and would acquit too easily
 *   inconclusive  neither, though the noise would allow it: the effect is near the limit
 *   unmeasurable  the interval is wider than the limit, or values are missing; or the control failed:
 *                 a machine that finds two builds of one revision unequal can neither convict nor acquit
 *
 * The estimate over rounds is a trimmed mean with Student's t (trimmed-mean.ts): bursts of a
 * neighbour hit single rounds, and their tails must not decide.
 */
export function decideMetric(metric: MetricRounds, levels: LookLevels): Decision {
  const limit = Math.log1p(metric.limitPercent / 100);
  const views = viewsOf(metric);
  const [mixed, sliced] = views as [View, View];
  const p = Math.min(1, 2 * Math.min(...views.map((view) => convictP(view.effect, limit))));
  const failed = views.find((view) => controlFailed(view.control, limit));
  if (failed) {
    return { ...shown('unmeasurable', failed, p), why: controlWords(failed) };
  }
  const convicting = views
    .filter((view) => view.fit && convictP(view.effect, limit) <= levels.convict)
    .sort((a, b) => convictP(a.effect, limit) - convictP(b.effect, limit))[0];
  if (convicting) {
    const why =
      convicting.mode === 'sliced'
        ? ''
        : `shown by the mixed windows: ${percentWords(convicting.effect, 0)} seen, ${boundWords(convicting, levels)}`;
    return { ...shown('regressed', sliced, p), basis: convicting.mode, why };
  }
  if (sliced.fit && acquitP(sliced.effect, limit) <= levels.acquit) {
    return acquitted(sliced, { p, offset: metric.offset ?? 0 }, levels);
  }
  return undecided({ metric, sliced, mixed, limit, p, levels });
}

function acquitted(
  sliced: View,
  { p, offset }: { p: number; offset: number },
  levels: LookLevels,
): Decision {
  if (offset === 0 && (sliced.effect?.estimate ?? 0) < -Math.log(implausibleGain)) {
    const why = `more than ${implausibleGain} times better, which is too good to be true: look at units and replies`;
    return { ...shown('unmeasurable', sliced, p), why };
  }
  const better =
    sliced.effect === null ? 1 : tail(-sliced.effect.estimate - rounding, sliced.effect);
  const improved = better <= levels.convict;
  return shown(improved ? 'improved' : 'pass', sliced, p);
}

/** What the rounds so far show in one kind of window. */
export interface View {
  mode: GateMode;
  /** Rounds with a value that may be used. */
  usable: number;
  /** Null with too few rounds. */
  effect: TrimmedMean | null;
  control: TrimmedMean | null;
  /** May decide: enough rounds, and enough samples beyond a quantile. */
  fit: boolean;
}

/** In the order of `gateModes`. */
export function viewsOf(metric: MetricRounds): View[] {
  return gateModes.map((mode) => viewOf(metric, mode));
}

function viewOf(metric: MetricRounds, mode: GateMode): View {
  const { better, rounds, exceedances } = metric;
  const values = usableValues(metric, mode);
  const usable = values.length;
  if (usable < Math.max(fewestValues, usableShare * rounds[mode].length)) {
    return { mode, usable, effect: null, control: null, fit: false };
  }
  return {
    ...{ mode, usable },
    effect: effectOf(values, better),
    control: controlOf(values, better),
    fit: exceedances === undefined || sum(exceedances[mode]) >= neededExceedances,
  };
}

function usableValues({ rounds, offset = 0 }: MetricRounds, mode: GateMode): ArmValues[] {
  return rounds[mode]
    .map((value) => value && eachArm((arm) => value[arm] + offset))
    .filter(isUsable);
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** One-sided p-value against «effect ≤ limit». */
function convictP(effect: TrimmedMean | null, limit: number): number {
  return effect === null ? 1 : tail(effect.estimate - limit - rounding, effect);
}

/** One-sided p-value against «effect ≥ limit»; what is exactly at the limit is within it. */
function acquitP(effect: TrimmedMean | null, limit: number): number {
  return effect === null ? 1 : tail(limit - effect.estimate + rounding, effect);
}

/** What is left of a logarithm's last digits: a count that is exactly at its limit has not passed it. */
const rounding = 1e-9;

/** Rounds that are all equal are exact counts: there is no doubt about them. */
function tail(distance: number, { standardError, degrees }: TrimmedMean): number {
  if (standardError < rounding) {
    return distance > rounding / 2 ? 0 : 1;
  }
  return studentTUpperTail(distance / standardError, degrees);
}

/** What two builds of the base show that the machine cannot be trusted with; empty where it can. */
export function controlFault(metric: MetricRounds): string {
  const limit = Math.log1p(metric.limitPercent / 100);
  const failed = viewsOf(metric).find((view) => controlFailed(view.control, limit));
  return failed ? controlWords(failed) : '';
}

function controlFailed(control: TrimmedMean | null, limit: number): boolean {
  return (
    control !== null &&
    Math.abs(control.estimate) > controlShare * limit &&
    2 * tail(Math.abs(control.estimate), control) <= controlAlpha
  );
}

function controlWords({ control, mode }: View): string {
  const percent = (100 * Math.expm1(control?.estimate ?? 0)).toFixed(1);
  return `two builds of the base differ by ${percent} % in the ${mode} windows: the machine cannot tell them apart`;
}

function quantile({ degrees }: TrimmedMean): number {
  return studentTQuantile((1 + nominalConfidence) / 2, degrees);
}

function ratioOf(mean: TrimmedMean | null): WorseRatio | null {
  if (mean === null) {
    return null;
  }
  const half = quantile(mean) * mean.standardError;
  return {
    center: Math.exp(mean.estimate),
    lo: Math.exp(mean.estimate - half),
    hi: Math.exp(mean.estimate + half),
    n: mean.n,
  };
}

function shown(outcome: GateOutcome, view: View, p: number): Decision {
  return {
    outcome,
    basis: view.mode,
    ratio: ratioOf(view.effect),
    control: ratioOf(view.control),
    p,
    neededRounds: null,
    why: '',
  };
}

interface Undecided {
  metric: MetricRounds;
  sliced: View;
  mixed: View;
  limit: number;
  p: number;
  levels: LookLevels;
}

function undecided({ metric, sliced, mixed, limit, p, levels }: Undecided): Decision {
  const { effect } = sliced;
  if (effect === null) {
    const all = metric.rounds.sliced.length;
    const needed = Math.max(fewestValues, Math.ceil(usableShare * all));
    const why = `${sliced.usable} of ${all} rounds have a value that may be used, ${needed} needed`;
    return { ...shown('unmeasurable', sliced, p), why };
  }
  const beyond = Math.floor(sum(metric.exceedances?.sliced ?? []));
  if (!sliced.fit) {
    const neededRounds = Math.ceil((levels.rounds * neededExceedances) / Math.max(1, beyond));
    const why = `${beyond} samples beyond the quantile, ${neededExceedances} needed`;
    return { ...shown('unmeasurable', sliced, p), neededRounds, why };
  }
  const half = quantile(effect) * effect.standardError;
  const neededRounds = roundsNeeded(effect, limit, levels);
  if (half >= limit) {
    const why = `the interval is ±${(100 * Math.expm1(half)).toFixed(1)} %, wider than the limit of ${metric.limitPercent} %`;
    return { ...shown('unmeasurable', sliced, p), neededRounds, why };
  }
  const more = (mixed.effect?.estimate ?? effect.estimate) > effect.estimate;
  const besides = more ? ` (${percentWords(mixed.effect, 0)} in the mixed windows)` : '';
  const why = `${percentWords(effect, 0)} seen${besides}, ${boundWords(sliced, levels)}; the limit is ${metric.limitPercent} %`;
  return { ...shown('inconclusive', sliced, p), neededRounds, why };
}

/**
 * What a look can exclude. Its levels are stricter than those of the printed interval, for they are
 * shared among looks and limits: that one may lie on one side of the limit when this does not.
 */
function boundWords({ effect }: View, levels: LookLevels): string {
  const bound = (level: number, sign: number) =>
    effect === null ? '' : percentWords(effect, sign * studentTQuantile(1 - level, effect.degrees));
  return `at the levels of this look at least ${bound(levels.convict, -1)} and at most ${bound(levels.acquit, 1)}`;
}

/** The effect, so many standard errors on: "+3.3 %". */
function percentWords(effect: TrimmedMean | null, errors: number): string {
  const { estimate = 0, standardError = 0 } = effect ?? {};
  const percent = 100 * Math.expm1(estimate + errors * standardError);
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(1)} %`;
}

/** By the square root law, towards the nearer side; null within a tenth of a standard error of the limit. */
function roundsNeeded(effect: TrimmedMean, limit: number, levels: LookLevels): number | null {
  const distance = limit - effect.estimate;
  if (!(Math.abs(distance) > Math.max(effect.standardError / 10, rounding))) {
    return null;
  }
  const level = distance > 0 ? levels.acquit : levels.convict;
  const t = studentTQuantile(1 - level, effect.degrees);
  return Math.ceil(effect.n * Math.max(1, (t * effect.standardError) / Math.abs(distance)) ** 2);
}
