import jStat from 'jstat';

/**
 * Quantile of Student's t distribution.
 * @param probability in (0, 1)
 * @param degrees degrees of freedom, > 0
 */
export function studentTQuantile(probability: number, degrees: number): number {
  return jStat.jStat.studentt.inv(probability, degrees);
}

/** Quantile of the standard normal distribution; probability in (0, 1). */
export function normalQuantile(probability: number): number {
  return jStat.jStat.normal.inv(probability, 0, 1);
}

/**
 * Distribution function of the standard normal distribution. Its error is below 2·10⁻¹⁵, which is
 * all that is left of it beyond ±8: good for a probability, not for the ratio of two far tails.
 */
export function normalCdf(value: number): number {
  return jStat.jStat.normal.cdf(value, 0, 1);
}
