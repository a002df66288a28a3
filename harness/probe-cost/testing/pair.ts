import type { Pair, WatchedWindow } from '../result.ts';

const window: WatchedWindow = {
  ...{ cpuPerRequestNs: 1_000, ratePerSec: 500, p99Ns: 200_000, errors: 0 },
  ...{ grade: 'valid', estimatedRatio: null },
};

/** A pair of windows that differ in what is given only. */
export function pairOf(
  changes: Partial<Omit<Pair, 'with' | 'without'>> & {
    with?: Partial<WatchedWindow>;
    without?: Partial<WatchedWindow>;
  },
): Pair {
  return {
    ...{ watch: 'kernel', load: 'half', pair: 1, ...changes },
    without: { ...window, ...changes.without },
    with: { ...window, ...changes.with },
  };
}
