import { median } from '../load-accuracy/median.ts';
import type { Pair } from './result.ts';

/** Paired ratios, with ÷ without; all from one watch at one load. */
export interface Ratios {
  /** Null without a pair. */
  median: number | null;
  least: number;
  most: number;
  /**
   * Within which the true median lies with 90 % or more, each side being wrong with 5 % at most;
   * null with fewer than five pairs.
   */
  bounds: { lo: number; hi: number } | null;
}

/** What is compared within a pair. */
export type Quantity = 'cpuPerRequestNs' | 'ratePerSec' | 'p99Ns';

/** The ratios of one quantity; a pair without it, or with nothing to divide by, has none. */
export function ratiosOf(pairs: readonly Pair[], quantity: Quantity): Ratios {
  const ratios = pairs.flatMap((pair) => {
    const [watched, base] = [pair.with[quantity], pair.without[quantity]];
    return watched === null || base === null || base === 0 ? [] : [watched / base];
  });
  const sorted = ratios.toSorted((a, b) => a - b);
  return {
    median: median(sorted),
    least: sorted[0] ?? Number.NaN,
    most: sorted.at(-1) ?? Number.NaN,
    bounds: medianBounds(sorted),
  };
}

/** The chance of each side of the bounds to be wrong, at most. */
const wrongChance = 0.05;

/**
 * Bounds of the median by the sign test: of n pairs, fewer than k lie below the true median with a
 * chance that the binomial distribution gives, whatever the distribution of the ratios.
 */
function medianBounds(sorted: readonly number[]): { lo: number; hi: number } | null {
  const n = sorted.length;
  let outside = 0;
  let chance = 0.5 ** n;
  let below = chance;
  while (n > 0 && below <= wrongChance) {
    outside++;
    chance *= (n - outside + 1) / outside;
    below += chance;
  }
  const [lo, hi] = [sorted[outside - 1], sorted[n - outside]];
  return lo === undefined || hi === undefined ? null : { lo, hi };
}
