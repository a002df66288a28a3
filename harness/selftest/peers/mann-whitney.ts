import { normalUpperTail } from '../../stats/normal.ts';

/** Up to here the exact distribution is counted when there are no ties, as benchstat does. */
const mostExact = 50;

/**
 * Mann–Whitney U test that two samples are of one distribution. Exact without ties and up to 50
 * values in each; otherwise the normal approximation with tie and continuity correction.
 * Source: Mann, Whitney, Ann. Math. Statist. 18 (1947) 50–60, whose recurrence counts the ways.
 * @param a at least one finite number
 * @param b at least one finite number
 * @returns two-sided p-value in (0, 1]
 * @throws RangeError for an empty sample or a value that is not finite
 */
export function mannWhitneyP(a: readonly number[], b: readonly number[]): number {
  const all = [...a, ...b];
  if (a.length === 0 || b.length === 0 || !all.every(Number.isFinite)) {
    throw new RangeError(`two samples of finite values are wanted, got [${a}] and [${b}]`);
  }
  let wins = 0;
  for (const x of a) {
    for (const y of b) {
      wins += x > y ? 1 : x === y ? 0.5 : 0;
    }
  }
  const ties = tieTerm(all);
  if (ties === 0 && Math.max(a.length, b.length) <= mostExact) {
    return exactP(wins, a.length, b.length);
  }
  const pairs = a.length * b.length;
  const n = all.length;
  const variance = (pairs / 12) * (n + 1 - ties / (n * (n - 1)));
  if (variance === 0) {
    return 1;
  }
  const distance = Math.max(0, Math.abs(wins - pairs / 2) - 0.5);
  return Math.min(1, 2 * normalUpperTail(distance / Math.sqrt(variance)));
}

/** Σ (t³ − t) over the groups of t equal values. */
function tieTerm(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts.values()].reduce((sum, t) => sum + t ** 3 - t, 0);
}

function exactP(wins: number, n: number, m: number): number {
  const ways = waysFor(n, m);
  const extreme = Math.min(wins, n * m - wins);
  let tail = 0;
  let total = 0;
  for (const [u, count] of ways.entries()) {
    tail += u <= extreme ? count : 0;
    total += count;
  }
  return Math.min(1, (2 * tail) / total);
}

const known = new Map<string, Float64Array>();

/**
 * In how many orders of n and m values U is 0, 1, … nm: the coefficients of the Gaussian binomial
 * ∏ (1 − q^(m+i)) / (1 − q^i), multiplied out factor by factor.
 */
function waysFor(n: number, m: number): Float64Array {
  const key = `${n} ${m}`;
  const before = known.get(key);
  if (before) {
    return before;
  }
  const ways = new Float64Array(n * m + 1);
  ways[0] = 1;
  for (let i = 1; i <= n; i++) {
    for (let u = n * m; u >= m + i; u--) {
      ways[u] = (ways[u] as number) - (ways[u - m - i] as number);
    }
    for (let u = i; u <= n * m; u++) {
      ways[u] = (ways[u] as number) + (ways[u - i] as number);
    }
  }
  known.set(key, ways);
  return ways;
}
