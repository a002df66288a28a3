import { studentTQuantile, studentTUpperTail } from './student-t.ts';

/** Fewer have no spread worth a name. */
export const fewestValues = 5;

/**
 * Of the values at each end that are left out where nothing else is said: 2 of 12, so that two bursts
 * among twelve rounds do not widen the interval, which 1 of 12 let them do.
 */
const defaultShare = 0.17;

/** A trimmed mean with what Student's t needs to judge it. */
export interface TrimmedMean {
  estimate: number;
  /** From the winsorised variance; 0 where all that is left is equal. */
  standardError: number;
  /** Of freedom: one less than the values that are left. */
  degrees: number;
  /** All values, the trimmed ones included. */
  n: number;
}

export interface TrimmedMeanOptions {
  /** Of the values to leave out at each end, in [0, 0.4]; 0.17 if left out. */
  share?: number;
}

/**
 * Mean without the smallest and the largest `share` of the values, with its standard error:
 *
 *   s_w / ((1 − 2·share) · √n),  s_w = standard deviation of the winsorised values
 *
 * where `share` is what is really left out, ⌊share·n⌋/n, and n − 2·⌊share·n⌋ − 1 degrees of
 * freedom. Single wild rounds neither move it nor, which decides about its power, inflate its
 * error. Source: Tukey, McLaughlin, «Less vulnerable confidence and significance procedures for
 * location based on a single sample», Sankhyā A 25 (1963) 331–352; the constant as R. R. Wilcox has
 * it («Introduction to robust estimation and hypothesis testing», section 3.3.2). Theirs is larger,
 * by √(1 − 1/n) / √(1 − 1/h) for h values that are left.
 * @param values at least `fewestValues` finite numbers
 * @param share of the values to leave out at each end, in [0, 0.4]; at least 2 have to be left
 * @throws RangeError for anything else
 */
export function trimmedMean(values: readonly number[], share = defaultShare): TrimmedMean {
  const n = values.length;
  const cut = checkedCut(values, share);
  const sorted = Float64Array.from(values).sort();
  const kept = sorted.subarray(cut, n - cut);
  const degrees = kept.length - 1;
  const low = kept[0] as number;
  const high = kept[kept.length - 1] as number;
  if (low === high) {
    // Not left to the sums below, whose rounding makes a spread out of equal values.
    return { estimate: low, standardError: 0, degrees, n };
  }
  const estimate = kept.reduce((sum, value) => sum + value, 0) / kept.length;
  const winsorised = sorted.map((value) => Math.min(high, Math.max(low, value)));
  const middle = winsorised.reduce((sum, value) => sum + value, 0) / n;
  const variance = winsorised.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (n - 1);
  const standardError = Math.sqrt(variance / n) / (1 - (2 * cut) / n);
  return { estimate, standardError, degrees, n };
}

/**
 * Mean of the trimmed means of several columns over the same rounds. Where each column is the
 * difference of two programs it is distributed symmetrically for equal programs, whatever bursts hit
 * them; the difference from the mean of two others is not, and its trimmed mean is off.
 *
 * The standard error is that of the trimmed mean with the rows' means of the winsorised columns: what
 * a row contributes to each column's trimmed mean is its winsorised value (Huber, Ronchetti, «Robust
 * statistics», 2009, section 3.3, influence function).
 * @param columns at least one, all as long as each other; each as for `trimmedMean`
 * @throws RangeError as `trimmedMean`
 */
export function jointTrimmedMean(
  columns: readonly (readonly number[])[],
  share = defaultShare,
): TrimmedMean {
  const means = columns.map((column) => trimmedMean(column, share));
  const [first] = means;
  if (first === undefined || means.some(({ n }) => n !== first.n)) {
    throw new RangeError(`columns must be equally long, got ${columns.map((c) => c.length)}`);
  }
  const { n, degrees } = first;
  const winsorised = columns.map((column) => winsorise(column, share));
  const rows = Array.from(
    { length: n },
    (_, row) =>
      winsorised.reduce((sum, column) => sum + (column[row] as number), 0) / columns.length,
  );
  const middle = rows.reduce((sum, value) => sum + value, 0) / n;
  const variance = rows.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (n - 1);
  return {
    estimate: means.reduce((sum, mean) => sum + mean.estimate, 0) / means.length,
    standardError: means.every(({ standardError }) => standardError === 0)
      ? 0
      : Math.sqrt(variance / n) / (1 - (2 * Math.floor(share * n)) / n),
    degrees,
    n,
  };
}

/** Each value drawn to what is left when `share` is trimmed, in the order that they came. */
function winsorise(values: readonly number[], share: number): number[] {
  const cut = Math.floor(share * values.length);
  const sorted = Float64Array.from(values).sort();
  const low = sorted[cut] as number;
  const high = sorted[values.length - 1 - cut] as number;
  return values.map((value) => Math.min(high, Math.max(low, value)));
}

/**
 * One-sided p-value against «the trimmed mean is at most `threshold`», by Student's t. For the
 * other side give values and threshold negated. Values without spread leave no doubt: 0 above the
 * threshold, 1 otherwise.
 * @param values as for `trimmedMean`
 * @param threshold finite
 * @throws RangeError for a threshold that is not finite, and as `trimmedMean`
 */
export function trimmedMeanUpperTailP(
  values: readonly number[],
  threshold: number,
  { share }: TrimmedMeanOptions = {},
): number {
  if (!Number.isFinite(threshold)) {
    throw new RangeError(`a test needs a finite threshold, got ${threshold}`);
  }
  const { estimate, standardError, degrees } = trimmedMean(values, share);
  const distance = estimate - threshold;
  if (standardError === 0) {
    return distance > 0 ? 0 : 1;
  }
  return studentTUpperTail(distance / standardError, degrees);
}

/**
 * One-sided confidence bound for the trimmed mean by Student's t: the threshold at which
 * `trimmedMeanUpperTailP` (of negated values for the upper side) is `alpha`.
 * @param values as for `trimmedMean`
 * @param alpha probability of erring on that side, in (0, 0.5)
 * @returns the estimate itself for values without spread
 * @throws RangeError for another alpha, and as `trimmedMean`
 */
export function trimmedMeanBound(
  values: readonly number[],
  alpha: number,
  { side, share }: TrimmedMeanOptions & { side: 'lower' | 'upper' },
): number {
  if (!(alpha > 0 && alpha < 0.5)) {
    throw new RangeError(`a one-sided alpha must be in (0, 0.5), got ${alpha}`);
  }
  const { estimate, standardError, degrees } = trimmedMean(values, share);
  const reach = -studentTQuantile(alpha, degrees) * standardError;
  return side === 'lower' ? estimate - reach : estimate + reach;
}

/** How many values to leave out at each end. */
function checkedCut(values: readonly number[], share: number): number {
  const n = values.length;
  if (n < fewestValues || values.some((value) => !Number.isFinite(value))) {
    throw new RangeError(
      `a trimmed mean needs ${fewestValues} finite values, got [${values.join(', ')}]`,
    );
  }
  if (!(share >= 0 && share <= 0.4)) {
    throw new RangeError(`the share to trim at each end must be in [0, 0.4], got ${share}`);
  }
  const cut = Math.floor(share * n);
  if (n - 2 * cut < 2) {
    throw new RangeError(`trimming ${share} of ${n} values at each end leaves fewer than 2`);
  }
  return cut;
}
