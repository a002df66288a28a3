import { formatValue } from '../lib/units.ts';
import { type Budget, type OverrideChoice, overridden } from '../scenario/budget.ts';
import { type MetricId, metrics } from '../scenario/metric.ts';
import { type Gated, moreRounds } from './gated.ts';
import { appliedWords, expiredWords } from './override-words.ts';
import type { Verdict } from './verdict.ts';

const noOverride: OverrideChoice = { applied: null, expired: [] };

/**
 * An absolute budget. The fail level is met when the whole interval lies within it and broken when
 * the whole interval lies beyond it. Where it does not decide against the run, the warn level may
 * give a warning: a pass is shown to be within both.
 * @param choice the override of the run's branch, and those that have expired
 */
export function judgeBudget(
  gated: Gated,
  budget: Budget,
  { applied, expired }: OverrideChoice = noOverride,
): Verdict {
  const levels = applied === null ? budget : overridden(budget, applied);
  const reason = applied === null ? '' : `; ${appliedWords(applied)}`;
  const judged = judgeLevels(gated, levels);
  const advice = judged.outcome === 'pass' ? [] : [judged.advice, ...expired.map(expiredWords)];
  return {
    variant: gated.variant,
    subject: gated.metric,
    kind: 'budget',
    expected: expectedWords(gated.metric, levels) + reason,
    ratio: null,
    values: gated.values,
    ...judged,
    advice: advice.join('; '),
  };
}

type Judged = Pick<Verdict, 'outcome' | 'found' | 'advice'>;

function judgeLevels({ metric, unfit, summary, suspicion }: Gated, { warn, fail }: Budget): Judged {
  if (unfit !== null || summary === null) {
    return unfit ?? missing;
  }
  const { unit, better } = metrics[metric];
  const { center, lo, hi } = summary;
  const found =
    lo === null || hi === null
      ? formatValue(center, unit)
      : `${formatValue(center, unit)} [${formatValue(lo, unit)}, ${formatValue(hi, unit)}]`;
  const [best, worst] = better === 'lower' ? [lo, hi] : [hi, lo];
  const within = (value: number | null, limit: number) =>
    value !== null && (better === 'lower' ? value <= limit : value >= limit);
  const beyond = (limit: number) => best !== null && !within(best, limit);
  if (fail !== undefined && beyond(fail) && suspicion !== null) {
    // The generator's delays only lengthen times: within a budget is within it all the more.
    return {
      outcome: 'unmeasurable',
      found: `${found}, of which a part is the generator’s own delay: ${suspicion}`,
      advice: 'repeat the run on a quieter machine, or gate the change: npm run gate',
    };
  }
  if (fail !== undefined && beyond(fail)) {
    const advice = 'make it faster, or change the budget in the scenario with a reason';
    return { outcome: 'over-budget', found, advice };
  }
  if (fail !== undefined && !within(worst, fail)) {
    return { outcome: 'inconclusive', found, advice: moreRounds };
  }
  if (warn !== undefined && !within(worst, warn)) {
    const shown = beyond(warn) && suspicion === null;
    const advice = shown ? 'it is on its way to the budget: find out why' : moreRounds;
    const delay =
      suspicion === null ? '' : `, of which a part is the generator’s own delay: ${suspicion}`;
    return { outcome: 'budget-warning', found: found + delay, advice };
  }
  return { outcome: 'pass', found, advice: '' };
}

/** "p50 ≤ 2.00 ms, warning beyond 1.50 ms". */
function expectedWords(metric: MetricId, { warn, fail }: Budget): string {
  const { unit, better, label } = metrics[metric];
  const sign = better === 'lower' ? '≤' : '≥';
  const warning = warn === undefined ? [] : [`warning beyond ${formatValue(warn, unit)}`];
  return fail === undefined
    ? `${label}: ${warning.join()}`
    : [`${label} ${sign} ${formatValue(fail, unit)}`, ...warning].join(', ');
}

const missing: Judged = { outcome: 'invalid', found: 'no value', advice: 'npm run doctor' };
