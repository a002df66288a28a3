import { mean } from 'simple-statistics';
import { confidence } from '../analyze/interval.ts';
import type { Interval } from '../analyze/measurement.ts';
import { sameFingerprint } from '../host/fingerprint.ts';
import { formatRatio, formatValue } from '../lib/units.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';
import { newRunInterval } from '../stats/prediction.ts';
import type { Baseline } from './baseline.ts';
import { whyIncomparable } from './comparable.ts';
import { designSha256 } from './design.ts';
import { type Gated, type JudgeInput, moreRounds } from './gated.ts';
import type { Verdict } from './verdict.ts';

/** An exact count may grow by this much whatever the limit: background work of the runtime. */
export const countFloor = 0.02;

/**
 * A gain beyond this is a mix-up of units or work left undone until someone has looked: dead servers
 * and failed requests are fast.
 */
const implausibleGain = 10;

const acceptCommand = (suite: string) => `npm run baseline -- accept ${suite}`;
/** What can be compared where the committed figures cannot: their sources, rebuilt beside the head. */
const rebuildCommand = (suite: string) => `npm run gate -- --base baseline ${suite}`;

/**
 * Head against the committed baseline. Times are compared only on the same machine, with an
 * interval that holds the spread between runs; exact counts on every machine, with the same Go. The
 * ratio of two variants of one source has no say: a handler that became slower cancels in it.
 */
export function judgeRegression(input: JudgeInput, gated: Gated, limitPercent: number): Verdict {
  const { label, better, kind } = metrics[gated.metric];
  const sign = better === 'lower' ? '+' : '−';
  const common = {
    variant: gated.variant,
    subject: gated.metric,
    kind: 'regression' as const,
    expected: `${label} within ${sign}${limitPercent} % of the baseline`,
    ratio: null,
    values: gated.values,
  };
  if (gated.unfit !== null || gated.summary === null) {
    const fallback = { outcome: 'invalid' as const, found: 'no value', advice: 'npm run doctor' };
    return { ...common, ...(gated.unfit ?? fallback) };
  }
  const base = comparableRuns(input, gated);
  if (!Array.isArray(base)) {
    return { ...common, ...base };
  }
  const judged =
    kind === 'exact'
      ? judgeCount(gated, gated.summary, base, limitPercent)
      : judgeTime(gated, gated.summary, base, limitPercent);
  const basis = kind === 'exact' ? ('exact-count' as const) : ('absolute' as const);
  return { ...common, basis, ...judged };
}

type Judged = Pick<Verdict, 'outcome' | 'found' | 'advice'> & { ratio?: Interval };

/** The baseline's centres of this metric, or why there is nothing to compare with. */
function comparableRuns(
  { record, evidence, baseline }: JudgeInput,
  gated: Gated,
): number[] | Judged {
  const accept = acceptCommand(evidence.plan.suite);
  const incomparable = (found: string, advice: string): Judged => ({
    outcome: 'incomparable',
    found,
    advice,
  });
  if (baseline === null) {
    return incomparable('there is no baseline', `${accept} on a clean, complete run`);
  }
  const { suite, id } = evidence.plan;
  if (baseline.suite !== suite || baseline.scenario !== id) {
    const found = `the baseline is of ${baseline.suite}/${baseline.scenario}, not of ${suite}/${id}`;
    return incomparable(found, accept);
  }
  const values = baseline.metrics[`${gated.variant}/${gated.metric}`];
  if (values === undefined) {
    return incomparable(whyMissing(baseline, gated), accept);
  }
  const { kind } = metrics[gated.metric];
  const head = { designSha256: designSha256(evidence.plan), fingerprint: record.fingerprint };
  const why = whyIncomparable(baseline, head, kind);
  if (why?.reason === 'design') {
    return incomparable('the scenario has changed since the baseline', accept);
  }
  const differing = sameFingerprint(baseline.fingerprint, record.fingerprint);
  const rebuild = rebuildCommand(suite);
  const otherGo = differing.filter((name) => name === 'goVersion' || name === 'goArch');
  if (kind === 'exact' && otherGo.length > 0) {
    const [theirs, ours] = [baseline.fingerprint, record.fingerprint].map(
      ({ goVersion, goArch }) => `${goVersion} ${goArch}`,
    );
    return incomparable(
      `the baseline is of another toolchain (${theirs}, here ${ours}): its change is a comparison of its own`,
      rebuild,
    );
  }
  if (why?.reason === 'machine') {
    return incomparable(
      `the baseline is of another machine (${why.differing.join(', ')})`,
      `${rebuild}; or ${accept} here`,
    );
  }
  if (kind === 'time' && record.quick) {
    const found = 'a --quick run is too short for times';
    return { outcome: 'inconclusive', found, advice: `npm run bench ${evidence.plan.suite}` };
  }
  return values;
}

/** A variant or metric that was renamed is not one that passes. */
function whyMissing({ metrics: recorded }: Baseline, { variant }: Gated): string {
  const keys = Object.keys(recorded);
  const variants = [...new Set(keys.map((key) => key.slice(0, key.indexOf('/'))))];
  if (!variants.includes(variant)) {
    return `the baseline has no variant ${variant}, but ${variants.join(', ') || 'none'}: renamed, or swapped?`;
  }
  const own = keys
    .filter((key) => key.startsWith(`${variant}/`))
    .map((key) => key.slice(variant.length + 1));
  const unknown = own.filter((name) => !isMetricId(name));
  const renamed = unknown.length === 0 ? '' : `, but ${unknown.join(', ')}: renamed?`;
  return `the baseline does not have this metric${renamed}`;
}

/**
 * Steps between units of time, of which one was taken for another: a factor near 1,000 or 1,000,000,
 * either way. Empty for any other.
 */
function unitWords(ratio: number): string {
  const thousands = Math.abs(Math.log10(ratio)) / 3;
  const steps = Math.round(thousands);
  return steps >= 1 && steps <= 2 && Math.abs(thousands - steps) < 0.1
    ? `: about ${steps === 1 ? '1,000' : '1,000,000'} times ${ratio > 1 ? 'as much' : 'less'}, units?`
    : '';
}

function judgeTime(
  gated: Gated,
  head: Interval,
  base: readonly number[],
  limitPercent: number,
): Judged {
  const { unit, better } = metrics[gated.metric];
  if (base.some((value) => value <= 0)) {
    return {
      outcome: 'incomparable',
      found: 'the baseline holds no time above zero',
      advice: 'npm run baseline -- accept <suite>',
    };
  }
  const baseCenter = Math.exp(mean(base.map(Math.log)));
  const values = `${formatValue(head.center, unit)}, baseline ${formatValue(baseCenter, unit)}`;
  if (base.length < 2 || head.lo === null || head.hi === null) {
    return {
      outcome: 'inconclusive',
      found: `${values}; the spread between runs is not known`,
      advice: 'accept a baseline of three or more runs: npm run baseline -- accept <suite>',
    };
  }
  const ratio = timeRatio(head, base);
  const found = `${formatRatio(ratio)} (${values})${unitWords(ratio.center)}`;
  // Above 1 is worse, whichever direction the metric has.
  const [best, worst] =
    better === 'lower' ? [ratio.lo, ratio.hi] : [inverse(ratio.hi), inverse(ratio.lo)];
  const limit = 1 + limitPercent / 100;
  if (best !== null && best > limit && gated.suspicion !== null) {
    return {
      outcome: 'unmeasurable',
      found: `${found}, of which a part is the generator’s own delay: ${gated.suspicion}`,
      ratio,
      advice: 'repeat the run on a quieter machine, or gate the change: npm run gate',
    };
  }
  if (best !== null && best > limit) {
    const advice =
      unitWords(ratio.center) === ''
        ? 'read the report’s profiles for what has changed; if it is meant, accept it'
        : 'check the unit of both figures first: ns, µs or ms';
    return { outcome: 'regressed', found, ratio, advice };
  }
  const gain = better === 'lower' ? 1 / ratio.center : ratio.center;
  if (gain > implausibleGain) {
    return {
      outcome: 'incomparable',
      found: `${found}: too good to be true`,
      advice: 'check units and replies; if it is meant: npm run baseline -- accept <suite>',
      ratio,
    };
  }
  if (worst !== null && worst < limit) {
    return { outcome: worst < 1 ? 'improved' : 'pass', found, ratio, advice: '' };
  }
  return { outcome: 'inconclusive', found, ratio, advice: moreRounds };
}

/** Head ÷ baseline; as wide as the rounds of the head or the runs of the baseline make it. */
function timeRatio(head: Interval, base: readonly number[]): Interval {
  const between = newRunInterval(base.map(Math.log), Math.log(head.center), confidence);
  const shift = between.center - Math.log(head.center);
  const lo = Math.min(between.lo, Math.log(head.lo ?? head.center) + shift);
  const hi = Math.max(between.hi, Math.log(head.hi ?? head.center) + shift);
  return {
    center: Math.exp(between.center),
    lo: Math.exp(lo),
    hi: Math.exp(hi),
    confidence,
    n: head.n,
  };
}

function inverse(value: number | null): number | null {
  return value === null ? null : 1 / value;
}

function judgeCount(
  gated: Gated,
  head: Interval,
  base: readonly number[],
  limitPercent: number,
): Judged {
  const { unit } = metrics[gated.metric];
  const baseline = mean([...base]);
  if (baseline > 10 * countFloor && head.center * implausibleGain < baseline) {
    const found = `${formatValue(head.center, unit)}, baseline ${formatValue(baseline, unit)}: too good to be true`;
    const advice = 'check that the server still does its work, then accept the new baseline';
    return { outcome: 'incomparable', found, advice };
  }
  const limit = baseline * (1 + limitPercent / 100) + countFloor;
  const best = head.lo ?? head.center;
  const worst = head.hi ?? head.center;
  const found = `${formatValue(head.center, unit)}, baseline ${formatValue(baseline, unit)}`;
  if (best > limit) {
    const advice = 'the program does more per request: read the diff, or accept it';
    return { outcome: 'regressed', found, advice };
  }
  if (worst <= limit) {
    return { outcome: 'pass', found, advice: '' };
  }
  return { outcome: 'inconclusive', found, advice: moreRounds };
}
