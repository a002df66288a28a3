import { median } from 'simple-statistics';

/**
 * Hodges–Lehmann estimate of the centre: the median of all pairwise means (Walsh averages),
 * each value paired with itself too. Robust up to 29 % of wild values, and close to the mean's
 * precision for normal ones. Source: Hodges, Lehmann, Ann. Math. Statist. 34 (1963) 598–611.
 * @param values at least one finite number
 * @throws RangeError for an empty list or a value that is not finite
 */
export function hodgesLehmann(values: readonly number[]): number {
  if (values.length === 0 || values.some((value) => !Number.isFinite(value))) {
    throw new RangeError(`hodgesLehmann needs finite values, got [${values.join(', ')}]`);
  }
  const walsh: number[] = [];
  values.forEach((a, i) => {
    for (const b of values.slice(i)) {
      walsh.push((a + b) / 2);
    }
  });
  return median(walsh);
}
