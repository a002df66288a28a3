import { clopperPearsonUpper } from '../stats/clopper-pearson.ts';
import { neededExceedances } from '../stats/exceedance.ts';
import { normalUpperTail } from '../stats/normal.ts';
import { studentTQuantile } from '../stats/student-t.ts';
import type { TrimmedMean } from '../stats/trimmed-mean.ts';
import { type MetricRounds, sum, type View, viewsOf } from './decide.ts';
import { type LookLevels, usableShare } from './design.ts';

/** A probability of a decision below this is not worth anyone's minutes. */
export const worthwhile = 0.05;

/** Of the bound of how many rounds will have a value. */
const shareConfidence = 0.975;

/**
 * Whether the rounds still to come would hardly decide a metric, were its noise as it has been: the
 * gate then ends, and says so, instead of running into its cap.
 *
 * Neither the last look's conviction nor its acquittal has a conditional power (Lan, Wittes, «The
 * B-value: a tool for monitoring data», Biometrics 44 (1988) 579–585) of `worthwhile`, though the
 * truth were as kind to it as the promises of the gate ask for: twice the limit, or no change; or what
 * has been seen, where that is farther from the limit. It does not bind: whatever ends earlier
 * convicts and acquits less often, so that no level has to pay for it.
 * @param metric what the rounds so far have shown, and left undecided
 * @param last levels of the last look
 */
export function isFutile(metric: MetricRounds, last: LookLevels): boolean {
  const run = metric.rounds.sliced.length;
  if (run >= last.rounds) {
    return true;
  }
  const limit = Math.log1p(metric.limitPercent / 100);
  return viewsOf(metric).every((view) => {
    if (!willBeFit(view, metric, last)) {
      return true;
    }
    if (view.effect === null || view.effect.standardError === 0) {
      return false;
    }
    const share = run / last.rounds;
    const { estimate } = view.effect;
    const convict = conditionalPower(view.effect, share, {
      ...{ distance: (effect) => effect - limit, level: last.convict },
      truth: Math.max(estimate, 2 * limit),
    });
    const acquit = conditionalPower(view.effect, share, {
      ...{ distance: (effect) => limit - effect, level: last.acquit },
      truth: Math.min(estimate, 0),
    });
    return Math.max(convict, view.mode === 'sliced' ? acquit : 0) < worthwhile;
  });
}

interface Claim {
  /** How far on its side of the limit an effect is. */
  distance: (effect: number) => number;
  /** One-sided, of the last look. */
  level: number;
  /** Effect of the rounds still to come. */
  truth: number;
}

/**
 * That the last look will show the claim: the estimate then is the mean of what has been seen and of
 * rounds around `truth`, with the standard error of that many rounds.
 * @param share of all rounds that have been run, in (0, 1)
 */
function conditionalPower(
  { estimate, standardError, degrees }: TrimmedMean,
  share: number,
  { distance, level, truth }: Claim,
): number {
  const lastError = standardError * Math.sqrt(share);
  const needed = studentTQuantile(1 - level, degrees / share) * lastError;
  const expected = distance(share * estimate + (1 - share) * truth);
  return normalUpperTail((needed - expected) / (lastError * Math.sqrt(1 - share)));
}

/** Whether enough rounds, and enough samples beyond a quantile, may be had by the last look. */
function willBeFit({ mode, fit, usable }: View, metric: MetricRounds, last: LookLevels): boolean {
  if (fit) {
    return true;
  }
  const share = clopperPearsonUpper(usable, metric.rounds[mode].length, shareConfidence);
  const beyond = metric.exceedances && sum(metric.exceedances[mode]) / Math.max(1, usable);
  const enough = beyond === undefined || beyond * share * last.rounds >= neededExceedances;
  return share >= usableShare && (enough || usable === 0);
}
