import { betaOdds, betaTails } from './beta.ts';

/**
 * Upper tail of Student's t distribution, P(T > value), with a relative error below 10⁻¹³ for
 * degrees up to 10⁴ and tails down to 10⁻¹⁰⁰.
 *
 * ½·I_x(ν/2, ½) with x = ν/(ν + t²) (Abramowitz, Stegun, 26.7.1 and 26.5.27).
 * @param value any number, ±Infinity included
 * @param degrees degrees of freedom ν in (0, 10⁹], not necessarily whole (Welch's are not)
 * @throws RangeError for NaN, or degrees outside their range
 */
export function studentTUpperTail(value: number, degrees: number): number {
  if (Number.isNaN(value)) {
    throw new RangeError('the t distribution needs a number, got NaN');
  }
  checkDegrees(degrees);
  if (value < 0) {
    return 1 - studentTUpperTail(-value, degrees);
  }
  const square = (value * value) / degrees;
  // y is not square/(1 + square), which is NaN where the square has run over.
  const point = { x: 1 / (1 + square), y: 1 / (1 + 1 / square), a: degrees / 2, b: 0.5 };
  return betaTails(point).lower / 2;
}

/**
 * Quantile of Student's t distribution: the value that P(T ≤ value) = probability holds for, with
 * a relative error below 10⁻¹³ for degrees up to 10⁴ and probabilities from 10⁻¹⁰⁰ on. Below ½ no
 * digit of the probability is lost; near 1 it has lost digits of its own, so ask for the lower tail.
 *
 * The odds y/x of the beta distribution in `studentTUpperTail` are t²/ν.
 * @param probability in (0, 1)
 * @param degrees degrees of freedom ν in (0, 10⁹], not necessarily whole
 * @returns −Infinity or Infinity where few degrees put the quantile beyond what a number can hold
 * @throws RangeError for a probability or degrees outside their ranges, or NaN
 */
export function studentTQuantile(probability: number, degrees: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`a t quantile needs a probability in (0, 1), got ${probability}`);
  }
  checkDegrees(degrees);
  if (probability === 0.5) {
    return 0;
  }
  if (probability > 0.5) {
    // Exact: 1 − p has no rounding error for p ≥ ½.
    return -studentTQuantile(1 - probability, degrees);
  }
  const tails = { lower: 2 * probability, upper: 1 - 2 * probability };
  return -Math.sqrt(degrees / betaOdds(tails, degrees / 2, 0.5));
}

function checkDegrees(degrees: number): void {
  if (!(degrees > 0 && degrees <= 1e9)) {
    throw new RangeError(`degrees of freedom lie in (0, 10⁹], got ${degrees}`);
  }
}
