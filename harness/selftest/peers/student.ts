import { incompleteBeta } from '../../stats/beta.ts';

/** What a t test needs to know of one sample. */
export interface SampleMoments {
  n: number;
  mean: number;
  /** With n − 1 in the denominator. */
  variance: number;
}

export function momentsOf(values: readonly number[]): SampleMoments {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, variance: n > 1 ? squares / (n - 1) : 0 };
}

/** Two-sided p-value of Student's t: I(ν/(ν+t²); ν/2, ½) (Abramowitz, Stegun, 26.7.1). */
export function twoSidedP(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/**
 * Welch's test, unequal variances. Source: Welch, Biometrika 34 (1947) 28–35.
 * @returns two-sided p-value; 1 for two samples without any spread
 */
export function welchP(a: SampleMoments, b: SampleMoments): number {
  const [va, vb] = [a.variance / a.n, b.variance / b.n];
  if (va + vb === 0) {
    return 1;
  }
  const t = (a.mean - b.mean) / Math.sqrt(va + vb);
  const degrees = (va + vb) ** 2 / (va ** 2 / (a.n - 1) + vb ** 2 / (b.n - 1));
  return twoSidedP(t, degrees);
}

/**
 * Student's test with the pooled variance.
 * @returns two-sided p-value; 1 for fewer than three values or no spread
 */
export function pooledP(a: SampleMoments, b: SampleMoments): number {
  const degrees = a.n + b.n - 2;
  const pooled = ((a.n - 1) * a.variance + (b.n - 1) * b.variance) / degrees;
  if (degrees < 1 || pooled === 0) {
    return 1;
  }
  return twoSidedP((a.mean - b.mean) / Math.sqrt(pooled * (1 / a.n + 1 / b.n)), degrees);
}
