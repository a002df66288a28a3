import { infrastructureError } from '../lib/errors.ts';
import type { LoadName, Pair, WatchEntry, WatchedWindow } from './result.ts';

/** How many pairs of windows a watch gets; the sets have goals, and more to be decided by. */
export function pairsFor(kind: WatchEntry['kind'], quick: boolean): Record<LoadName, number> {
  // What it does with the load of production matters; its windows are long.
  if (kind === 'diag') {
    return { half: quick ? 2 : 5, saturated: 0 };
  }
  if (quick) {
    return { half: 2, saturated: 2 };
  }
  return kind === 'set' || kind === 'nothing'
    ? { half: 8, saturated: 5 }
    : { half: 5, saturated: 3 };
}

/** Whether something watches in each window of so many pairs: off on, on off, off on, … */
export function abba(pairs: number): boolean[] {
  return Array.from({ length: pairs }, (_, pair) =>
    pair % 2 === 0 ? [false, true] : [true, false],
  ).flat();
}

/** The pairs of windows that were taken in the order of {@link abba}. */
export function pairsOf(
  windows: readonly WatchedWindow[],
  of: { watch: string; load: LoadName },
): Pair[] {
  return Array.from({ length: windows.length / 2 }, (_, index) => {
    const [first, second] = [windows[2 * index], windows[2 * index + 1]];
    if (first === undefined || second === undefined) {
      throw infrastructureError(`${of.watch}: a window is missing.`, 'run it again');
    }
    const both =
      index % 2 === 0 ? { without: first, with: second } : { without: second, with: first };
    return { ...of, pair: index + 1, ...both };
  });
}
