import { ratiosOf } from './ratios.ts';
import type { Goal, Pair } from './result.ts';

/** The most that a set, or a diagnosis, may add to the CPU time per request, as a share of it. */
const limits: readonly Pick<Goal, 'watch' | 'load' | 'limitRatio'>[] = [
  { watch: 'kernel', load: 'half', limitRatio: 0.03 },
  { watch: 'runtime', load: 'half', limitRatio: 0.1 },
  { watch: 'runtime', load: 'saturated', limitRatio: 0.3 },
  { watch: 'full', load: 'half', limitRatio: 0.15 },
  { watch: 'diag', load: 'half', limitRatio: 0.1 },
  { watch: 'full', load: 'saturated', limitRatio: 0.45 },
];

/**
 * The goals of what was measured. One is met where the whole interval of the median lies
 * within the limit, not met where it lies beyond, and else not decided.
 */
export function judgeGoals(pairs: readonly Pair[]): Goal[] {
  return limits.flatMap((limit) => {
    const own = pairs.filter(({ watch, load }) => watch === limit.watch && load === limit.load);
    if (own.length === 0) {
      return [];
    }
    const { bounds } = ratiosOf(own, 'cpuPerRequestNs');
    const extra = bounds && { lo: bounds.lo - 1, hi: bounds.hi - 1 };
    return [{ ...limit, bounds: extra, outcome: outcomeOf(extra, limit.limitRatio) }];
  });
}

function outcomeOf(extra: Goal['bounds'], limit: number): Goal['outcome'] {
  if (extra === null) {
    return 'not decided';
  }
  return extra.hi <= limit ? 'met' : extra.lo > limit ? 'not met' : 'not decided';
}
