import { mean } from 'simple-statistics';
import { confidence } from '../analyze/interval.ts';
import type { Interval } from '../analyze/measurement.ts';
import { sameFingerprint } from '../host/fingerprint.ts';
import { formatRatio, formatValue } from '../lib/units.ts';
import { metrics } from '../scenario/metric.ts';
import { newRunInterval } from '../stats/prediction.ts';
import { designSha256 } from './design.ts';
import { type Gated, type JudgeInput, moreRounds } from './gated.ts';
import type { Verdict } from './verdict.ts';

/** An exact count may grow by this much whatever the limit: background work of the runtime. */
const countFloor = 0.02;

/**
 * A gain beyond this is a mix-up of units or work left undone until someone has looked: dead servers
 * and failed requests are fast.
 */
const implausibleGain = 10;

const acceptCommand = (suite: string) => `npm run baseline -- accept ${suite}`;

/**
 * Head against the committed baseline. Times are compared only on the same machine, with an
 * interval that holds the spread between runs; exact counts are compared everywhere.
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
  return { ...common, ...judged };
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
  const values = baseline.metrics[`${gated.variant}/${gated.metric}`];
  if (values === undefined) {
    return incomparable('the baseline does not have this metric', accept);
  }
  if (baseline.designSha256 !== designSha256(evidence.plan)) {
    return incomparable('the scenario has changed since the baseline', accept);
  }
  if (metrics[gated.metric].kind === 'time') {
    const differing = sameFingerprint(baseline.fingerprint, record.fingerprint);
    if (differing.length > 0) {
      return incomparable(
        `the baseline is of another machine (${differing.join(', ')})`,
        `read the ratios between variants, or ${accept} here`,
      );
    }
    if (record.quick) {
      const found = 'a --quick run is too short for times';
      return { outcome: 'inconclusive', found, advice: `npm run bench ${evidence.plan.suite}` };
    }
  }
  return values;
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
  const found = `${formatRatio(ratio)} (${values})`;
  // Above 1 is worse, whichever direction the metric has.
  const [best, worst] =
    better === 'lower' ? [ratio.lo, ratio.hi] : [inverse(ratio.hi), inverse(ratio.lo)];
  const limit = 1 + limitPercent / 100;
  if (best !== null && best > limit) {
    const advice = 'read the report’s profiles for what has changed; if it is meant, accept it';
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
