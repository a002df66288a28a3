import {
  type BinnedSample,
  checkProbability,
  placeWeights,
  sampleSize,
  weightedMean,
} from './harrell-davis.ts';

/**
 * Standard error of a sample quantile after Maritz and Jarrett: what is the standard deviation of
 * the mth smallest of n values, m = ⌊n·p + ½⌋, if the sample's own distribution is the true one?
 * The place of that value has a beta distribution with shapes m and n − m + 1, so that
 *
 *   √( Σ wₖ·(xₖ − x̄)² ),  x̄ = Σ wₖ·xₖ,  wₖ = probability of the kth place.
 *
 * It says how far independent values let a quantile wander. Values of one run are not independent,
 * and nothing beyond the largest value is known to it: with fewer than some ten values beyond the
 * quantile it is too small. So it can show that a sample is too small, and not that an effect is real.
 * Source: J. S. Maritz, R. G. Jarrett, «A note on estimating the variance of the sample median»,
 * J. Am. Stat. Assoc. 73 (1978) 194–196. (SciPy's `mjci` takes the exponents m − 1 and n − m of the
 * density for the shapes: with nine values beyond the quantile that is off by a quarter, and at the
 * ends it has no value.)
 * @param sample of at least 2 values
 * @param probability of the quantile, in (0, 1)
 * @returns ≥ 0, in the unit of the values; 0 where all that has weight is one bin
 * @throws RangeError for a probability or a sample outside of these ranges
 */
export function maritzJarrett(sample: BinnedSample, probability: number): number {
  checkProbability(probability);
  const n = sampleSize(sample);
  if (n < 2) {
    throw new RangeError('one value has no standard error: at least 2 are needed');
  }
  const m = Math.max(1, Math.floor(n * probability + 0.5));
  const weights = placeWeights(sample, m, n - m + 1);
  const middle = weightedMean(sample.values, weights);
  const squares = Float64Array.from(sample.values, (value) => (value - middle) ** 2);
  return Math.sqrt(weightedMean(squares, weights));
}
