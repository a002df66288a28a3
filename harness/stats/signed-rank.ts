import { hodgesLehmann } from './hodges-lehmann.ts';

/** Up to here the null distribution is counted out: 2²⁰⁰ is well inside of what a double holds. */
const mostValues = 200;

/**
 * One-sided p-value of Wilcoxon's signed-rank test against «the centre is at most `threshold`», for
 * independent values with a symmetric distribution: P(W ≥ w), where w is the sum of the ranks of
 * |value − threshold| over the values above the threshold. For the other side give both negated.
 *
 * It is exact at every n, with ties and zeros too: tied distances share the mean of their ranks;
 * values at the threshold are ranked with the others and then left out (Pratt), and the signs of
 * all others are counted through. Equal means equal to the last bit. With skewed values it is a
 * test of the median of pairwise means, and not exact.
 * Sources: F. Wilcoxon, Biometrics Bull. 1 (1945) 80–83; J. W. Pratt, J. Am. Stat. Assoc. 54 (1959)
 * 655–667.
 * @param values 1 to 200 finite numbers
 * @param threshold finite
 * @returns in [2⁻ⁿ, 1] for n values off the threshold; 1 if there are none
 * @throws RangeError for anything else
 */
export function signedRankUpperTailP(values: readonly number[], threshold: number): number {
  checkValues(values);
  if (!Number.isFinite(threshold)) {
    throw new RangeError(`a signed-rank test needs a finite threshold, got ${threshold}`);
  }
  const distances = values.map((value) => value - threshold);
  const ranks = doubledRanks(distances.map(Math.abs));
  const counted: number[] = [];
  let below = 0;
  distances.forEach((distance, i) => {
    const rank = ranks[i] ?? 0;
    if (distance !== 0) {
      counted.push(rank);
      below += distance < 0 ? rank : 0;
    }
  });
  // The distribution is symmetric, so that «as many above or more» is «as many below or fewer»,
  // whose terms are added from the smallest on.
  return sum(signCounts(counted).subarray(0, below + 1)) * 2 ** -counted.length;
}

/**
 * One-sided confidence bound for the centre of a symmetric distribution: the thresholds that the
 * test does not reject at `alpha` end here. It is an order statistic of the Walsh averages (all
 * pairwise means, each value paired with itself too), and errs with at most the probability
 * `alpha`: the levels that n values can have are steps, and the next lower one is taken.
 * Source: M. Hollander, D. A. Wolfe, «Nonparametric statistical methods», section 3.3.
 * @param values 1 to 200 finite numbers
 * @param alpha in (0, 0.5)
 * @returns −Infinity or Infinity where n is too small for the level: alpha < 2⁻ⁿ
 * @throws RangeError for anything else
 */
export function signedRankBound(
  values: readonly number[],
  alpha: number,
  side: 'lower' | 'upper',
): number {
  checkValues(values);
  if (!(alpha > 0 && alpha < 0.5)) {
    throw new RangeError(`a one-sided alpha must be in (0, 0.5), got ${alpha}`);
  }
  const outside = mostOutside(values.length, alpha);
  if (outside === 0) {
    return side === 'lower' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  const walsh = sortedWalshAverages(values);
  return walsh.at(side === 'lower' ? outside - 1 : -outside) ?? Number.NaN;
}

/**
 * Two-sided interval around the Hodges–Lehmann centre: both bounds as in `signedRankBound`, at
 * alpha = (1 − confidence)/2. Infinite on both sides where n is too small for the confidence.
 * @param values 1 to 200 finite numbers
 * @param confidence in (0, 1)
 * @throws RangeError for anything else
 */
export function signedRankInterval(
  values: readonly number[],
  confidence: number,
): { center: number; lo: number; hi: number } {
  if (!(confidence > 0 && confidence < 1)) {
    throw new RangeError(`a confidence lies in (0, 1), got ${confidence}`);
  }
  const alpha = (1 - confidence) / 2;
  return {
    lo: signedRankBound(values, alpha, 'lower'),
    center: hodgesLehmann(values),
    hi: signedRankBound(values, alpha, 'upper'),
  };
}

/**
 * The smallest p-value that n values can have: 2⁻ⁿ, when all lie above the threshold. A level below
 * it can never be met, however large the effect.
 * @param n whole, 1 to 200
 * @throws RangeError for anything else
 */
export function smallestSignedRankP(n: number): number {
  if (!(Number.isInteger(n) && n >= 1 && n <= mostValues)) {
    throw new RangeError(`a signed-rank test takes 1 to ${mostValues} values, got ${n}`);
  }
  return 2 ** -n;
}

/** How many Walsh averages may lie outside of a bound: the largest k with P(W ≤ k − 1) ≤ alpha. */
function mostOutside(n: number, alpha: number): number {
  const counts = signCounts(Array.from({ length: n }, (_, i) => i + 1));
  let tail = 0;
  for (let k = 0; k < counts.length; k++) {
    tail += (counts[k] ?? 0) * 2 ** -n;
    if (tail > alpha) {
      return k;
    }
  }
  return counts.length;
}

/**
 * In how many of the 2ⁿ ways to give signs the ranks of the positive ones add up to 0, 1, 2, …
 * Exact up to 2⁵³; beyond, additions of positive numbers round by 2⁻⁵³ each and nothing cancels.
 */
function signCounts(ranks: readonly number[]): Float64Array {
  const counts = new Float64Array(sum(ranks) + 1);
  counts[0] = 1;
  let largest = 0;
  for (const rank of ranks) {
    largest += rank;
    for (let total = largest; total >= rank; total--) {
      counts[total] = (counts[total] ?? 0) + (counts[total - rank] ?? 0);
    }
  }
  return counts;
}

/** Twice the rank of every distance from 1 on, ties at the mean of their ranks: so all are whole. */
function doubledRanks(distances: readonly number[]): number[] {
  const order = distances.map((_, i) => i);
  const at = (place: number) => distances[order[place] ?? -1] ?? Number.NaN;
  order.sort((i, j) => (distances[i] ?? 0) - (distances[j] ?? 0));
  const ranks = new Array<number>(distances.length);
  for (let first = 0; first < order.length; ) {
    let end = first + 1;
    while (end < order.length && at(end) === at(first)) {
      end++;
    }
    for (const i of order.slice(first, end)) {
      ranks[i] = first + 1 + end;
    }
    first = end;
  }
  return ranks;
}

function sortedWalshAverages(values: readonly number[]): Float64Array {
  const walsh = new Float64Array((values.length * (values.length + 1)) / 2);
  let next = 0;
  values.forEach((a, i) => {
    for (let j = i; j < values.length; j++) {
      walsh[next++] = (a + (values[j] ?? 0)) / 2;
    }
  });
  return walsh.sort();
}

function sum(terms: Iterable<number>): number {
  let total = 0;
  for (const term of terms) {
    total += term;
  }
  return total;
}

function checkValues(values: readonly number[]): void {
  const n = values.length;
  const wild = values.find((value) => !Number.isFinite(value));
  if (n < 1 || n > mostValues || wild !== undefined) {
    const seen = wild === undefined ? `${n} of them` : `${wild}`;
    throw new RangeError(`a signed-rank test takes 1 to ${mostValues} finite values, got ${seen}`);
  }
}
