import { normalCdf } from './normal.ts';
import { randomIntegers } from './random.ts';
import { studentTQuantile } from './student-t.ts';

export interface BootstrapInterval {
  center: number;
  lo: number;
  hi: number;
}

export interface BootstrapOptions {
  /** Two-sided confidence level in (0, 1). */
  confidence: number;
  seed: bigint;
  resamples?: number;
}

/**
 * Interval for an estimate of location from few independent values (rounds), by resampling them.
 *
 * The plain percentile interval is too narrow for small n: it lacks a factor √(n/(n−1)) and uses
 * normal instead of t quantiles. The *expanded* percentile interval reads the bootstrap
 * distribution further out, at Φ(±t·√(n/(n−1))), which mends both.
 * Source: Hesterberg, «What teachers should know about the bootstrap», Am. Stat. 69 (2015) 371–386.
 * With n so small that even the extreme resamples are too close, that quantile is the extreme.
 *
 * @param values at least 2 finite numbers
 */
export function bootstrapInterval(
  values: readonly number[],
  estimate: (sample: readonly number[]) => number,
  options: BootstrapOptions,
): BootstrapInterval {
  const n = values.length;
  if (n < 2) {
    throw new RangeError(`an interval needs at least 2 values, got ${n}`);
  }
  const resamples = options.resamples ?? 4000;
  const randomBelow = randomIntegers(options.seed);
  const estimates = new Float64Array(resamples);
  const sample = new Array<number>(n);
  for (let i = 0; i < resamples; i++) {
    for (let j = 0; j < n; j++) {
      sample[j] = values[randomBelow(n)] as number;
    }
    estimates[i] = estimate(sample);
  }
  estimates.sort();
  const tail = (1 - options.confidence) / 2;
  const expanded = normalCdf(studentTQuantile(tail, n - 1) * Math.sqrt(n / (n - 1)));
  const center = estimate(values);
  return {
    center,
    lo: Math.min(center, at(estimates, expanded)),
    hi: Math.max(center, at(estimates, 1 - expanded)),
  };
}

/** Linear interpolation between order statistics (type 7 of Hyndman and Fan 1996). */
function at(sorted: Float64Array, probability: number): number {
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}
