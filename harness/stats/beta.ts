/** Of both shapes together: up to here the continued fraction ends within its terms. */
const largestShapes = 2e9;
const maxTerms = 100_000;

/**
 * A place in [0, 1] with its complement, a beta distribution's two shapes beside it. Both `x` and
 * `y` = 1 − x are kept, because the smaller one carries digits that 1 minus the other has lost.
 */
export interface BetaPoint {
  x: number;
  y: number;
  /** Shape > 0 at the end of 0. */
  a: number;
  /** Shape > 0 at the end of 1. */
  b: number;
}

export interface BetaTails {
  /** I_x(a, b), the probability of a value up to x. */
  lower: number;
  /** I_y(b, a), the probability of a value beyond x. */
  upper: number;
}

/**
 * Regularised incomplete beta function I_x(a, b): the probability that a beta distributed value
 * lies up to x. Precision as in `betaTails`, where x is not so near to 1 that 1 − x has lost digits.
 * @param x in [0, 1]
 * @param a shape > 0
 * @param b shape > 0; a + b ≤ 2·10⁹
 * @throws RangeError for a value outside these ranges, or NaN
 */
export function incompleteBeta(x: number, a: number, b: number): number {
  return betaTails({ x, y: 1 - x, a, b }).lower;
}

/**
 * Both tails of a beta distribution. The relative error of the smaller one is below 10⁻¹³ for
 * shapes up to 10⁴ and below 10⁻¹² up to 10⁶, for tails down to 10⁻¹⁰⁰; at 10⁻³⁰⁰ it is below 10⁻¹².
 *
 * The tail on whose side x lies is the continued fraction of Didonato and Morris, «Algorithm 708»,
 * ACM TOMS 18 (1992) 360–373, equation 4.2; the other is 1 minus it. The power in front is
 * computed as C. Loader does («Fast and accurate computation of binomial probabilities», 2000):
 * Stirling's errors and deviances, which do not cancel as logarithms of the gamma function do.
 * @throws RangeError for shapes that are not positive or above 2·10⁹ together, and for x and y that
 *   are no two parts of 1
 */
export function betaTails(point: BetaPoint): BetaTails {
  check(point);
  if (liesBelowMean(point)) {
    const lower = Math.exp(logPower(point)) * ratioToPower(point);
    return { lower, upper: 1 - lower };
  }
  const seen = mirrored(point);
  const upper = Math.exp(logPower(seen)) * ratioToPower(seen);
  return { lower: 1 - upper, upper };
}

/**
 * The place x whose tails are the two given ones, as the odds x / (1 − x), which keep their digits
 * at both ends. The smaller tail decides; give both where 1 minus one would lose digits of it.
 *
 * Newton's method for the logarithm of that tail against the logarithm of the odds. There the
 * density is ∝ xᵃ·yᵇ, which is log-concave, so that its tails are too, and Newton's steps run up
 * to the solution from one side after the first.
 * @param tails both in (0, 1), together 1
 * @param a shape > 0
 * @param b shape > 0; a + b ≤ 2·10⁹
 * @returns ≥ 0; 0 or Infinity where the odds are no normal number any more
 * @throws RangeError for tails or shapes outside these ranges, or NaN
 */
export function betaOdds(tails: BetaTails, a: number, b: number): number {
  const { lower, upper } = tails;
  if (!(lower > 0 && upper > 0 && Math.abs(lower + upper - 1) < 1e-9)) {
    throw new RangeError(`tails are two positive parts of 1, got ${lower} and ${upper}`);
  }
  check({ x: 0, y: 1, a, b });
  return lower <= upper ? solveLower(lower, a, b) : 1 / solveLower(upper, b, a);
}

/** The odds of x with I_x(a, b) = probability ≤ ½; from the mean, where no tail underflows. */
function solveLower(probability: number, a: number, b: number): number {
  const goal = Math.log(probability);
  let odds = a / b;
  for (let step = 0; step < 100 && odds > 0; step++) {
    const point = { x: odds / (1 + odds), y: 1 / (1 + odds), a, b };
    const { logTail, slope } = logLowerTail(point);
    const change = (goal - logTail) / slope;
    odds *= Math.exp(change);
    if (Math.abs(change) < 1e-10) {
      // The order is two, so what is left of the error is below the last digit.
      break;
    }
  }
  return odds;
}

/** ln I_x(a, b), in reach even where I underflows, and its derivative to the logarithm of the odds. */
function logLowerTail(point: BetaPoint): { logTail: number; slope: number } {
  const power = logPower(point);
  if (liesBelowMean(point)) {
    const ratio = ratioToPower(point);
    return { logTail: power + Math.log(ratio), slope: 1 / ratio };
  }
  const lower = 1 - Math.exp(power) * ratioToPower(mirrored(point));
  return { logTail: Math.log(lower), slope: Math.exp(power) / lower };
}

function check({ x, y, a, b }: BetaPoint): void {
  if (!(a > 0 && b > 0 && a + b <= largestShapes)) {
    throw new RangeError(
      `a beta distribution needs two shapes > 0 of at most ${largestShapes} together, got ${a} and ${b}`,
    );
  }
  if (!(x >= 0 && y >= 0 && Math.abs(x + y - 1) < 1e-9)) {
    throw new RangeError(`a place in [0, 1] and its complement are wanted, got ${x} and ${y}`);
  }
}

function liesBelowMean(point: BetaPoint): boolean {
  return meanMinus(point) >= 0;
}

function mirrored({ x, y, a, b }: BetaPoint): BetaPoint {
  return { x: y, y: x, a: b, b: a };
}

/**
 * (a + b) · (mean − x), from the smaller of x and y, whose digits count. Near the mean the product
 * all but cancels, and its rounding would be what is left: so that is taken off again.
 */
function meanMinus({ x, y, a, b }: BetaPoint): number {
  const n = a + b;
  return x <= y ? a - n * x - roundedOff(n, x) : n * y - b + roundedOff(n, y);
}

/**
 * The exact product less what floating point makes of it, by T. J. Dekker, «A floating-point
 * technique for extending the available precision», Numer. Math. 18 (1971) 224–242.
 */
function roundedOff(one: number, other: number): number {
  const [high, low] = halves(one);
  const [otherHigh, otherLow] = halves(other);
  return low * otherLow - (one * other - high * otherHigh - low * otherHigh - high * otherLow);
}

/** Two numbers of 26 bits that add up to one of 53. */
function halves(value: number): [number, number] {
  const shifted = value * (2 ** 27 + 1);
  const high = shifted - (shifted - value);
  return [high, value - high];
}

/**
 * I_x(a, b) divided by xᵃ·yᵇ / B(a, b), for x up to the mean a / (a + b). Lentz's method.
 * The number of terms grows with the root of the shapes: 11 for tens, 560 for a million.
 */
function ratioToPower(point: BetaPoint): number {
  const { x, y, a, b } = point;
  const below = meanMinus(point);
  const denominator = (m: number) =>
    m +
    (m * (b - m) * x) / (a + 2 * m - 1) +
    ((a + m) * (below + 1 + m * (1 + y))) / (a + 2 * m + 1);
  let fraction = (a * (below + 1)) / (a + 1);
  let c = fraction;
  let d = 0;
  for (let m = 1; m < maxTerms; m++) {
    const root = x / (a + 2 * m - 1);
    const numerator = (a + m - 1) * (a + b + m - 1) * m * (b - m) * root * root;
    const next = denominator(m);
    d = 1 / (next + numerator * d);
    c = next + numerator / c;
    const change = c * d;
    fraction *= change;
    if (Math.abs(change - 1) <= Number.EPSILON) {
      break;
    }
  }
  return 1 / fraction;
}

/** ln( xᵃ·yᵇ / B(a, b) ); the power is the density with respect to the logarithm of the odds. */
function logPower(point: BetaPoint): number {
  const { x, y, a, b } = point;
  const n = a + b;
  const below = meanMinus(point);
  const deviance = a * logRatio(-below / a, (n * x) / a) + b * logRatio(below / b, (n * y) / b);
  const stirling = stirlingError(n) - stirlingError(a) - stirlingError(b);
  return deviance + stirling + 0.5 * Math.log((a / n) * (b / (2 * Math.PI)));
}

/** ln(1 + u) − u, with `sum` = 1 + u given for where u is near −1. */
function logRatio(u: number, sum: number): number {
  if (Math.abs(u) >= 0.5) {
    return Math.log(sum) - u;
  }
  // With r = u/(2+u): ln(1+u) = 2·(r + r³/3 + r⁵/5 + …) and 2r − u = −r·u.
  const r = u / (2 + u);
  const square = r * r;
  let power = 1;
  let series = 0;
  for (let odd = 3; series + power / odd !== series; odd += 2) {
    series += power / odd;
    power *= square;
  }
  return r * (2 * square * series - u);
}

/** Coefficients of 1/z, 1/z³, … in Stirling's series: B₂ₖ / (2k·(2k−1)). */
const stirlingSeries = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
];

/** ln Γ(z) − ((z − ½)·ln z − z + ½·ln 2π): what Stirling's formula lacks. z > 0. */
function stirlingError(z: number): number {
  let shifted = z;
  let error = 0;
  for (; shifted < 10; shifted++) {
    error += (shifted + 0.5) * Math.log1p(1 / shifted) - 1;
  }
  const square = 1 / (shifted * shifted);
  return error + stirlingSeries.reduceRight((sum, c) => sum * square + c, 0) / shifted;
}
