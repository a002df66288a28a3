import { formatValue } from '../lib/units.ts';
import { metrics } from '../scenario/metric.ts';
import { type Gated, moreRounds } from './gated.ts';
import type { Verdict } from './verdict.ts';

/**
 * An absolute limit: passed when the whole interval lies within it, broken when the whole interval
 * lies beyond it.
 */
export function judgeBudget(gated: Gated, limit: number): Verdict {
  const { unit, better, label } = metrics[gated.metric];
  const sign = better === 'lower' ? '≤' : '≥';
  const common = {
    variant: gated.variant,
    subject: gated.metric,
    kind: 'budget' as const,
    expected: `${label} ${sign} ${formatValue(limit, unit)}`,
    ratio: null,
    values: gated.values,
  };
  if (gated.unfit !== null || gated.summary === null) {
    const { outcome, found, advice } = gated.unfit ?? missing;
    return { ...common, outcome, found, advice };
  }
  const { center, lo, hi } = gated.summary;
  const found =
    lo === null || hi === null
      ? formatValue(center, unit)
      : `${formatValue(center, unit)} [${formatValue(lo, unit)}, ${formatValue(hi, unit)}]`;
  const [best, worst] = better === 'lower' ? [lo, hi] : [hi, lo];
  const within = (value: number | null) =>
    value !== null && (better === 'lower' ? value <= limit : value >= limit);
  if (within(worst)) {
    return { ...common, outcome: 'pass', found, advice: '' };
  }
  if (best !== null && !within(best)) {
    const advice = 'make it faster, or change the budget in the scenario with a reason';
    return { ...common, outcome: 'over-budget', found, advice };
  }
  return { ...common, outcome: 'inconclusive', found, advice: moreRounds };
}

const missing = { outcome: 'invalid' as const, found: 'no value', advice: 'npm run doctor' };
