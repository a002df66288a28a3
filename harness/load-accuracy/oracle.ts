/** What the latencies should have been: nothing here knows a generator. All times in ns. */

/** What the server has really done with one request. */
export interface Service {
  /** From its begin until the reply was written. */
  replyNs: number;
  /** From its begin until the server could begin another. */
  busyNs: number;
}

/** When each of `count` requests is due that are sent at even distances, from 0 on. */
export function constantSchedule(count: number, ratePerSec: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 1e9) / ratePerSec);
}

/**
 * Latency of each request, from when it was due until its reply, at a server that takes one at a
 * time in order: Lindley's recursion (D. V. Lindley, «The theory of queues with a single server»,
 * 1952) with the real service times, so that there is no error of sampling.
 * @param due ascending, one per service
 */
export function fifoLatencies(due: readonly number[], services: readonly Service[]): number[] {
  let free = Number.NEGATIVE_INFINITY;
  return services.map(({ replyNs, busyNs }, index) => {
    const at = due[index] ?? 0;
    const begin = Math.max(at, free);
    free = begin + busyNs;
    return begin + replyNs - at;
  });
}

/** The value at a share of the ordered values (nearest rank); null without values. */
export function quantile(values: readonly number[], share: number): number | null {
  const sorted = Float64Array.from(values).sort();
  // 0.99 × 100 is 99.00000000000001 or so: a hair less than a rank is that rank.
  const rank = Math.ceil(share * sorted.length - 1e-9);
  return sorted[Math.max(0, rank - 1)] ?? null;
}

/**
 * How far each arrival lies behind an even schedule, with the schedule put where the request lies
 * that was sent earliest in relation to it: that one has lag 0, and no other can be ahead.
 * @param arrivals ascending
 */
export function lagsBehindSchedule(arrivals: readonly number[], ratePerSec: number): number[] {
  const due = constantSchedule(arrivals.length, ratePerSec);
  const late = arrivals.map((at, index) => at - (due[index] ?? 0));
  const earliest = late.reduce((least, each) => Math.min(least, each), Number.POSITIVE_INFINITY);
  return late.map((each) => each - earliest);
}
