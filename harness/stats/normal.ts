/** From here on the continued fraction takes over; below it ½ − (Φ(x) − ½) loses no digits. */
const tailFrom = 1;

/** Abramowitz, Stegun, formula 26.2.23: the tail's quantile to within 4.5·10⁻⁴, to start from. */
const startNumerator = [2.515517, 0.802853, 0.010328];
const startDenominator = [1, 1.432788, 0.189269, 0.001308];

/**
 * Upper tail of the standard normal distribution, P(Z > value), correct to a few units of the last
 * of 16 digits as long as the result is a normal number (value ≤ 37.5); beyond it fades to 0.
 *
 * In the middle ½ minus the series of Marsaglia, «Evaluating the normal distribution», J. Stat.
 * Softw. 11(4) (2004); in the tail Laplace's continued fraction (Abramowitz, Stegun, 26.2.14).
 * @param value any number, ±Infinity included
 * @throws RangeError for NaN
 */
export function normalUpperTail(value: number): number {
  if (Number.isNaN(value)) {
    throw new RangeError('the normal distribution needs a number, got NaN');
  }
  if (value < 0) {
    return 1 - normalUpperTail(-value);
  }
  if (value < tailFrom) {
    return 0.5 - fromMiddle(value);
  }
  // exp(−∞²/2) · Mills(∞) would be 0 · NaN.
  return value === Number.POSITIVE_INFINITY ? 0 : density(value) * millsRatio(value);
}

/**
 * Distribution function of the standard normal distribution, P(Z ≤ value), with the precision of
 * `normalUpperTail`: small probabilities keep their digits, so the ratio of two far tails does too.
 * @param value any number, ±Infinity included
 * @throws RangeError for NaN
 */
export function normalCdf(value: number): number {
  return normalUpperTail(-value);
}

/**
 * Quantile of the standard normal distribution: the value that P(Z ≤ value) = probability holds
 * for, to a few units of the last digit from 10⁻³⁰⁰ on. Below ½ no digit of the probability is
 * lost; above, a probability so near to 1 that it has lost its own digits cannot get them back.
 *
 * Halley's steps from formula 26.2.23 of Abramowitz and Stegun: two of them reach the last digit.
 * @param probability in (0, 1)
 * @throws RangeError for a probability outside, or NaN
 */
export function normalQuantile(probability: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(`a normal quantile needs a probability in (0, 1), got ${probability}`);
  }
  if (probability > 0.5) {
    // Exact: 1 − p has no rounding error for p ≥ ½.
    return 0 - normalQuantile(1 - probability);
  }
  let tail = start(probability);
  for (let step = 0; step < 8; step++) {
    const newton = excess(tail, probability) / density(tail);
    const change = newton / (1 + (tail * newton) / 2);
    tail += change;
    if (Math.abs(change) <= 1e-9 * Math.abs(tail)) {
      // The order is three, so what is left of the error is below the last digit.
      break;
    }
  }
  return 0 - tail;
}

function start(probability: number): number {
  const t = Math.sqrt(-2 * Math.log(probability));
  return t - polynomial(startNumerator, t) / polynomial(startDenominator, t);
}

function polynomial(coefficients: readonly number[], at: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * at + coefficient, 0);
}

/** P(Z > value) − probability, for a value that is not far below 0; near 0 without cancellation. */
function excess(value: number, probability: number): number {
  return value < tailFrom
    ? 0.5 - probability - fromMiddle(value)
    : normalUpperTail(value) - probability;
}

/** Φ(value) − ½ = φ(value) · (value + value³/3 + value⁵/(3·5) + …). */
function fromMiddle(value: number): number {
  const square = value * value;
  let term = value;
  let sum = 0;
  for (let odd = 3; sum + term !== sum; odd += 2) {
    sum += term;
    term *= square / odd;
  }
  return sum * density(value);
}

/**
 * φ(value). The rounding of value² alone would cost three digits at 37, where the exponent is 685:
 * so it is split into a part whose square is exact and the small rest (W. J. Cody's device).
 */
function density(value: number): number {
  const coarse = Math.trunc(value * 16) / 16;
  const rest = (value - coarse) * (value + coarse);
  return (Math.exp(-(coarse * coarse) / 2) * Math.exp(-rest / 2)) / Math.sqrt(2 * Math.PI);
}

/** P(Z > value) / φ(value) = 1/(value + 1/(value + 2/(value + 3/…))), from the inside out. */
function millsRatio(value: number): number {
  // What n terms leave of the error shrinks like exp(−2·value·√(2n)): here to < 10⁻¹⁷.
  const terms = 16 + Math.ceil(400 / (value * value));
  let fraction = value;
  for (let n = terms; n >= 1; n--) {
    fraction = value + n / fraction;
  }
  return 1 / fraction;
}
