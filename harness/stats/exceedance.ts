/**
 * A quantile with fewer samples beyond it is mostly chance: the share beyond the true quantile then
 * varies by 10 % of itself (1/√100) and more. It is why a p99 needs 10,000 requests.
 */
export const neededExceedances = 100;

/**
 * What binary fractions may add to a whole number, as a share of it: 100 / (1 − 0.9999) comes to
 * 1,000,000.0000001, and the millionth sample is enough. Good up to p99.9999 and 10⁹ samples.
 */
const binaryDust = 1e-10;

export interface TailSupport {
  /** Samples beyond the quantile in the arm that has the fewest. */
  exceedances: number;
  /** Whether every arm has the needed ones. */
  enough: boolean;
  /**
   * By how much longer to measure, at the same rate, until the poorest arm has enough: 1 where it
   * has, otherwise > 1; Infinity where an arm has no sample, from which no length follows.
   */
  factor: number;
}

/**
 * How many of `samples` lie beyond their own quantile. The quantile is the ⌈q·n⌉-th smallest, so
 * that n − ⌈q·n⌉ are beyond it.
 * @param samples whole, ≥ 0
 * @param quantile in (0, 1): 0.99 for p99
 * @throws RangeError for values outside these ranges, or NaN
 */
export function exceedances(samples: number, quantile: number): number {
  checkSamples(samples);
  checkQuantile(quantile);
  return Math.floor(samples * (1 - quantile) * (1 + binaryDust));
}

/**
 * Whether a quantile is worth comparing: whether each arm has enough samples beyond it.
 * @param samplesPerArm at least one arm; whole numbers ≥ 0
 * @param quantile in (0, 1)
 * @param needed exceedances that each arm needs, whole, ≥ 1
 * @throws RangeError for no arm, or for values outside these ranges, or NaN
 */
export function tailSupport(
  samplesPerArm: readonly number[],
  quantile: number,
  needed: number = neededExceedances,
): TailSupport {
  if (samplesPerArm.length === 0) {
    throw new RangeError('a tail needs at least one arm, got none');
  }
  if (!(Number.isSafeInteger(needed) && needed >= 1)) {
    throw new RangeError(`a whole number of exceedances from 1 on is needed, got ${needed}`);
  }
  samplesPerArm.forEach(checkSamples);
  const fewest = Math.min(...samplesPerArm);
  const beyond = exceedances(fewest, quantile);
  const enough = beyond >= needed;
  return {
    exceedances: beyond,
    enough,
    factor: enough ? 1 : samplesFor(needed, quantile) / fewest,
  };
}

/** The smallest number of samples of which `needed` lie beyond: 10,000 for 100 beyond p99. */
function samplesFor(needed: number, quantile: number): number {
  return Math.ceil((needed / (1 - quantile)) * (1 - binaryDust));
}

/**
 * The smallest number of independent samples from which a two-sided interval for a quantile exists
 * that assumes nothing about the distribution: 368 for p99 at 95 %, 3,688 for p99.9, 6 for the median.
 *
 * The widest such interval runs from the smallest sample to the largest. All n lie below the quantile
 * with probability qⁿ, above it with (1 − q)ⁿ, and neither may exceed (1 − confidence)/2. Source:
 * H. A. David, H. N. Nagaraja, «Order statistics» (3rd ed., 2003), section 7.1, with equal tails.
 * @param quantile in (0, 1)
 * @param confidence in (0, 1)
 * @throws RangeError for values outside, or NaN
 */
export function leastSamplesForInterval(quantile: number, confidence: number): number {
  checkQuantile(quantile);
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`a confidence lies in (0, 1), got ${confidence}`);
  }
  const share = Math.max(quantile, 1 - quantile);
  const exact = Math.log((1 - confidence) / 2) / Math.log(share);
  return Math.ceil(exact * (1 - binaryDust));
}

function checkSamples(samples: number): void {
  if (!(Number.isSafeInteger(samples) && samples >= 0)) {
    throw new RangeError(`samples are counted from 0 in whole numbers, got ${samples}`);
  }
}

function checkQuantile(quantile: number): void {
  if (!(quantile > 0 && quantile < 1)) {
    throw new RangeError(`a quantile lies in (0, 1), got ${quantile}`);
  }
}
