import { betaTails } from './beta.ts';

/** A sample as a histogram keeps it: `counts[i]` values are taken to be `values[i]`. */
export interface BinnedSample {
  /** Finite, ascending; as many as counts. */
  values: ArrayLike<number>;
  /** Whole, ≥ 0, together 1 to 10⁹. */
  counts: ArrayLike<number>;
}

/**
 * Harrell–Davis estimate of a quantile: the mean of all order statistics, each weighted with the
 * probability that a beta variate with shapes (n + 1)·p and (n + 1)·(1 − p) falls on its place.
 * It leans on many values where one order statistic leans on one, and so usually varies less.
 * Equal values add their weights, so that a bin costs as much as a single value.
 * Source: F. E. Harrell, C. E. Davis, «A new distribution-free quantile estimator», Biometrika 69
 * (1982) 635–640.
 * @param probability of the quantile, in (0, 1)
 * @returns within the range of the values, in their unit
 * @throws RangeError for a probability or a sample outside of these ranges
 */
export function harrellDavis(sample: BinnedSample, probability: number): number {
  checkProbability(probability);
  const n = sampleSize(sample);
  const weights = placeWeights(sample, (n + 1) * probability, (n + 1) * (1 - probability));
  return weightedMean(sample.values, weights);
}

/**
 * For each bin, the probability that a beta variate falls on its places, which are (k − 1)/n to k/n
 * for the kth smallest value. Together they are 1.
 * @param sample one that `sampleSize` has accepted
 * @param a shape > 0 at the end of the smallest value
 * @param b shape > 0 at the end of the largest value; a + b ≤ 2·10⁹
 */
export function placeWeights({ counts }: BinnedSample, a: number, b: number): Float64Array {
  const n = total(counts);
  const weights = new Float64Array(counts.length);
  let up = 0;
  let before = { lower: 0, upper: 1 };
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    if (count > 0) {
      up += count;
      const after = betaTails({ x: up / n, y: (n - up) / n, a, b });
      weights[i] = between(before, after);
      before = after;
    }
  }
  return weights;
}

/** Σ weight·value. */
export function weightedMean(values: ArrayLike<number>, weights: Float64Array): number {
  return weights.reduce((sum, weight, i) => sum + weight * (values[i] ?? 0), 0);
}

/**
 * Number of values in a sample.
 * @throws RangeError for values that are not finite or not ascending, for counts that are not whole,
 *   and for no value or more than 10⁹
 */
export function sampleSize({ values, counts }: BinnedSample): number {
  if (values.length !== counts.length) {
    throw new RangeError(
      `a binned sample has a count for each value, got ${values.length} values and ${counts.length} counts`,
    );
  }
  let previous = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < counts.length; i++) {
    const value = values[i] ?? Number.NaN;
    const count = counts[i] ?? Number.NaN;
    if (!(Number.isFinite(value) && value >= previous)) {
      throw new RangeError(`values are finite and ascending, got ${value} after ${previous}`);
    }
    if (!(Number.isSafeInteger(count) && count >= 0)) {
      throw new RangeError(`counts are whole and not negative, got ${count} of ${value}`);
    }
    previous = value;
  }
  const n = total(counts);
  if (!(n >= 1 && n <= 1e9)) {
    throw new RangeError(`a sample has 1 to 10⁹ values, got ${n}`);
  }
  return n;
}

/** @throws RangeError for what is no probability of a quantile */
export function checkProbability(probability: number): void {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`a quantile needs a probability in (0, 1), got ${probability}`);
  }
}

interface Tails {
  lower: number;
  upper: number;
}

/** From the tails that are small, because the others have lost digits to their distance from 1. */
function between(before: Tails, after: Tails): number {
  if (after.lower <= 0.5) {
    return after.lower - before.lower;
  }
  return before.upper <= 0.5 ? before.upper - after.upper : 1 - before.lower - after.upper;
}

function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    sum += counts[i] ?? 0;
  }
  return sum;
}
