/**
 * Holm's step-down adjustment: p-values of several tests, raised so that rejecting all that are at
 * most α rejects a true hypothesis with a probability of at most α, however the tests depend on one
 * another. Rejects whatever Bonferroni's does, and more.
 *
 * The i-th smallest of m becomes the largest of (m − j + 1)·p₍ⱼ₎ over j ≤ i, at most 1; so equal
 * p-values stay equal. Source: S. Holm, «A simple sequentially rejective multiple test procedure»,
 * Scand. J. Statist. 6 (1979) 65–70; adjusted p-values as in S. P. Wright, Biometrics 48 (1992)
 * 1005–1013.
 * @param pValues of all tests of the family, each in [0, 1]. A test that could not be computed has
 *   none: it is left out knowingly or counted as 1, but never slips through as NaN.
 * @returns the adjusted p-values in the order of `pValues`; none for none
 * @throws RangeError for a p-value outside [0, 1], or NaN
 */
export function holm(pValues: readonly number[]): number[] {
  const wrong = pValues.findIndex((p) => !(p >= 0 && p <= 1));
  if (wrong >= 0) {
    throw new RangeError(
      `p-value ${wrong + 1} of ${pValues.length} lies not in [0, 1]: ${pValues[wrong]}`,
    );
  }
  const ascending = pValues.map((p, index) => ({ p, index })).sort((one, other) => one.p - other.p);
  const adjusted = new Array<number>(pValues.length).fill(1);
  let largest = 0;
  for (const [rank, { p, index }] of ascending.entries()) {
    largest = Math.max(largest, Math.min(1, (pValues.length - rank) * p));
    adjusted[index] = largest;
  }
  return adjusted;
}
