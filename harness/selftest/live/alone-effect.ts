import { studentTQuantile } from '../../stats/student-t.ts';
import { trimmedMean } from '../../stats/trimmed-mean.ts';
import type { AloneEffect } from './decision.ts';
import { fiveDigits } from './digits.ts';

/** One run without the knob and its neighbour with it; null where a run has no value. */
export interface AlonePair {
  without: number | null;
  with: number | null;
}

/** Fewer usable pairs say too little of an effect. */
const fewestPairs = 6;

/**
 * What a knob does, from runs of one program at a time: the 17 % trimmed mean of the pairs' log-ratios
 * with Student's t at 95 %, as over the gate's rounds: one wild run must not hide what the others show.
 * @param offset added to both values first, for counts that may be nothing
 * @returns null with fewer than six pairs whose values are above zero
 */
export function aloneEffect(pairs: readonly AlonePair[], offset = 0): AloneEffect | null {
  const logs = pairs.flatMap((pair) => {
    if (pair.without === null || pair.with === null) {
      return [];
    }
    const ratio = (pair.with + offset) / (pair.without + offset);
    return ratio > 0 && Number.isFinite(ratio) ? [Math.log(ratio)] : [];
  });
  if (logs.length < fewestPairs) {
    return null;
  }
  const { estimate, standardError, degrees } = trimmedMean(logs);
  const half = studentTQuantile(0.975, degrees) * standardError;
  const [ratio, lo, hi] = [estimate, estimate - half, estimate + half].map((log) =>
    fiveDigits(Math.exp(log)),
  ) as [number, number, number];
  return { ratio, lo, hi, pairs: logs.length };
}
