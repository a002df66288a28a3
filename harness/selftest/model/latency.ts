import { normalCdf, normalQuantile } from '../../stats/normal.ts';

/** Where the tail begins: p95 of the base distribution. */
const tailShare = 0.05;

/** No request takes more than this many times the p95 of its moment: it would have timed out. */
const timeoutFactor = 300;

/** Steps of the table of Φ, from −6 to the tail; linear in between, which errs by 4·10⁻⁷. */
const cells = 2048;
const tableFrom = -6;
const tableTo = normalQuantile(1 - tailShare);
const cellWidth = (tableTo - tableFrom) / cells;
const table = Float64Array.from({ length: cells + 1 }, (_, i) =>
  normalCdf(tableFrom + i * cellWidth),
);

export interface LatencySpec {
  /** SD of the logarithm of the body, which is log-normal with median 1. */
  bodySd: number;
  /** Index of the Pareto tail that begins at p95: the smaller, the heavier. */
  tailIndex: number;
}

/** Moments of a latency, parted at the beginning of the tail so that effects can act on each part. */
interface Moments {
  body: number;
  tail: number;
  bodySquare: number;
  tailSquare: number;
}

/** Latencies of a window: the base distribution, scaled by each slice's state, in equal parts. */
export interface Mixture {
  clear(): void;
  /**
   * @param slowness logarithm of this slice's scale
   * @param stretch factor on the logarithm of its tail beyond p95, ≥ 1
   */
  add(slowness: number, stretch: number): void;
  /** Mean slowness of the slices. */
  meanSlowness(): number;
  /** Logarithm of the latency that the share `exceeding` of the requests exceeds, to 10⁻⁶. */
  quantile(exceeding: number): number;
  moments(): Moments;
}

/** @param capacity most slices that a window has */
export function mixture(spec: LatencySpec, capacity: number): Mixture {
  const { bodySd, tailIndex } = spec;
  const tailAt = tableTo * bodySd;
  const perCell = 1 / (cellWidth * bodySd);
  const from = tableFrom * bodySd;
  const slowness = new Float64Array(capacity);
  // Pareto index of each slice: stretching the logarithm divides it.
  const index = new Float64Array(capacity);
  let count = 0;
  const bodyMoments = [bodyMoment(bodySd, 1), bodyMoment(bodySd, 2)] as const;
  let known: Moments | undefined;

  /** Share beyond `at`, and its derivative, which are left in `share` and `slope`. */
  let share = 0;
  let slope = 0;
  const evaluate = (at: number) => {
    let beyond = 0;
    let density = 0;
    for (let i = 0; i < count; i++) {
      const z = at - (slowness[i] as number);
      if (z >= tailAt) {
        const a = index[i] as number;
        const part = tailShare * Math.exp(-a * (z - tailAt));
        beyond += part;
        density += a * part;
      } else if (z > from) {
        const place = (z - from) * perCell;
        const cell = place | 0;
        const below = table[cell] as number;
        const rise = (table[cell + 1] as number) - below;
        beyond += 1 - below - rise * (place - cell);
        density += rise * perCell;
      } else {
        beyond += 1;
      }
    }
    share = beyond / count;
    slope = density / count;
  };

  /** The quantile lies between the least and the greatest of its slices' quantiles. */
  const bracket = (exceeding: number): [number, number] => {
    const inTail = exceeding < tailShare;
    const body = inTail ? tailAt : bodySd * bodyQuantile(1 - exceeding);
    const reach = inTail ? Math.log(tailShare / exceeding) : 0;
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const own = (slowness[i] as number) + body + reach / (index[i] as number);
      low = own < low ? own : low;
      high = own > high ? own : high;
    }
    return [low, high];
  };

  /** Newton's method on the logarithm of the share, kept within a bracket by bisection. */
  const quantile = (exceeding: number) => {
    let [low, high] = bracket(exceeding);
    let at = (low + high) / 2;
    for (let round = 0; round < 60 && high - low > 1e-6; round++) {
      evaluate(at);
      if (share > exceeding) {
        low = at;
      } else {
        high = at;
      }
      const newton = at + (Math.log(share / exceeding) * share) / slope;
      const next = newton > low && newton < high ? newton : (low + high) / 2;
      // Newton's error is the square of its step.
      if (Math.abs(next - at) < 1e-4) {
        return next;
      }
      at = next;
    }
    return at;
  };

  return {
    clear: () => {
      count = 0;
      known = undefined;
    },
    add: (value, stretch) => {
      slowness[count] = value;
      index[count] = tailIndex / stretch;
      count++;
    },
    meanSlowness: () => meanOf(slowness, count),
    quantile,
    moments: () => {
      known ??= momentsOf({ bodySd, bodyMoments, slowness, index, count });
      return known;
    },
  };
}

function meanOf(values: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum += values[i] as number;
  }
  return sum / count;
}

/** Quantile of the standard normal body, from the same table that the distribution is read from. */
function bodyQuantile(probability: number): number {
  let low = 0;
  let high = cells;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((table[middle] as number) <= probability) {
      low = middle;
    } else {
      high = middle;
    }
  }
  const below = table[low] as number;
  const within = (probability - below) / ((table[high] as number) - below);
  return tableFrom + (low + within) * cellWidth;
}

function momentsOf(window: {
  bodySd: number;
  bodyMoments: readonly [first: number, second: number];
  slowness: Float64Array;
  index: Float64Array;
  count: number;
}): Moments {
  const { bodySd, bodyMoments, slowness, index, count } = window;
  const sum = { body: 0, tail: 0, bodySquare: 0, tailSquare: 0 };
  let [first, second] = [0, 0];
  let known = Number.NaN;
  for (let i = 0; i < count; i++) {
    const a = index[i] as number;
    if (a !== known) {
      known = a;
      first = tailMoment(bodySd, a, 1);
      second = tailMoment(bodySd, a, 2);
    }
    const scale = Math.exp(slowness[i] as number);
    sum.body += (scale * bodyMoments[0]) / count;
    sum.tail += (scale * first) / count;
    sum.bodySquare += (scale * scale * bodyMoments[1]) / count;
    sum.tailSquare += (scale * scale * second) / count;
  }
  return sum;
}

/** Part of E[Xᵐ] that a log-normal X up to its p95 contributes. */
function bodyMoment(sd: number, m: number): number {
  return Math.exp((m * m * sd * sd) / 2) * normalCdf(tableTo - m * sd);
}

/** Part of E[Xᵐ] that the Pareto tail from p95 on contributes, cut at the time-out. */
function tailMoment(sd: number, index: number, m: number): number {
  // Where index and power meet, the formula is 0 / 0 and its neighbourhood smooth.
  const gap = Math.abs(index - m) < 1e-6 ? 1e-6 : index - m;
  const cut = timeoutFactor ** -gap;
  return tailShare * Math.exp(m * tableTo * sd) * ((index / gap) * (1 - cut) + cut);
}
