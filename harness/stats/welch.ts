import { mean, sampleVariance } from 'simple-statistics';
import { studentTQuantile } from './student-t.ts';

/**
 * How far the mean of one sample lies above that of another that is independent of it, with Welch's
 * two-sided interval for unequal variances (Biometrika 34 (1947) 28–35).
 * @param base at least 2 finite numbers; logarithms where the quantity is a ratio
 * @param other likewise
 * @param confidence in (0, 1)
 * @throws RangeError for fewer than 2 values, or what is not finite
 */
export function welchInterval(
  base: readonly number[],
  other: readonly number[],
  confidence: number,
): { center: number; lo: number; hi: number } {
  if ([base, other].some((values) => values.length < 2 || !values.every(Number.isFinite))) {
    throw new RangeError('welchInterval needs two samples of at least 2 finite numbers');
  }
  const center = mean([...other]) - mean([...base]);
  const [a, b] = [base, other].map((values) => sampleVariance([...values]) / values.length) as [
    number,
    number,
  ];
  if (a + b === 0) {
    return { center, lo: center, hi: center };
  }
  // Shares, whose squares cannot become 0 as those of small variances do.
  const [shareA, shareB] = [a / (a + b), b / (a + b)];
  const degrees = 1 / (shareA ** 2 / (base.length - 1) + shareB ** 2 / (other.length - 1));
  const half = studentTQuantile((1 + confidence) / 2, degrees) * Math.sqrt(a + b);
  return { center, lo: center - half, hi: center + half };
}
