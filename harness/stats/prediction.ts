import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { BootstrapInterval } from './bootstrap.ts';
import { studentTQuantile } from './student-t.ts';

/**
 * How far one new run lies from the runs of a baseline, with an interval that contains the spread
 * *between* runs: two runs of the same program on the same machine differ by more than their
 * rounds do (placement, page colours, neighbours), and that spread cannot be seen inside a run.
 *
 *   (head − mean) ± t(k−1) · s · √(1 + 1/k),  s = standard deviation of the k baseline runs
 *
 * is the classical prediction interval for one further observation (e.g. Hahn and Meeker,
 * «Statistical intervals», 1991, section 4.2).
 * @param runs one centre per baseline run, at least 2
 * @param head the new run's centre, same scale (logarithms for a ratio)
 */
export function newRunInterval(
  runs: readonly number[],
  head: number,
  confidence: number,
): BootstrapInterval {
  const k = runs.length;
  if (k < 2) {
    throw new RangeError(`the spread between runs needs at least 2 runs, got ${k}`);
  }
  const t = studentTQuantile(1 - (1 - confidence) / 2, k - 1);
  const half = t * sampleStandardDeviation([...runs]) * Math.sqrt(1 + 1 / k);
  const center = head - mean([...runs]);
  return { center, lo: center - half, hi: center + half };
}
