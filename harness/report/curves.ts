import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { mergeHistograms, valueAt } from '../analyze/histogram.ts';
import { ratioIntervalOf } from '../analyze/interval.ts';
import { viewRound } from '../analyze/round-values.ts';
import type { CurvePoint, ScenarioReport } from './report.ts';

const quantiles = [
  0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999,
];
/** A quantile is drawn only where this many requests lie beyond it. */
const fewestBeyond = 10;

/** Latency at every quantile, over all rounds merged, with the interval that the rounds give it. */
export function curvesOf(evidence: ScenarioEvidence): ScenarioReport['curves'] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) => {
    const blobs = evidence.rounds.flatMap((round) => {
      const arm = viewRound(round, variant).unobserved;
      return arm === undefined || arm.completed === 0 ? [] : [arm.latencyHistogram];
    });
    const merged = mergeHistograms(blobs);
    if (merged === undefined) {
      return [];
    }
    const rounds = blobs.map((blob) => mergeHistograms([blob]));
    const points = quantiles
      .filter((quantile) => (1 - quantile) * merged.totalCount >= fewestBeyond)
      .map((quantile): CurvePoint => {
        const values = rounds.map((round) => valueAt(round, quantile) ?? 0);
        const { lo, hi } = ratioIntervalOf(values, `${evidence.plan.id}/${variant}/${quantile}`);
        return { quantile, valueNs: valueAt(merged, quantile) ?? 0, loNs: lo, hiNs: hi };
      });
    return [{ variant, points }];
  });
}
