import {
  advance,
  type Continuing,
  densityAt,
  mirrored,
  start,
  upperTail,
} from './continuing-runs.ts';
import { normalQuantile, normalUpperTail } from './normal.ts';
import type { SpendingFunction } from './spending.ts';

/** One side's bound at one look. */
interface Bound {
  /** Error probability used up to and including this look, when the effect is at the limit. */
  spent: number;
  /**
   * One-sided significance level of this look. The side has decided when its p-value is ≤ `level`;
   * 0 means that this look decides nothing.
   */
  level: number;
  /** The same as a standard normal statistic: Infinity (or −Infinity below) for level 0. */
  z: number;
}

export interface Look {
  /** Share of the planned rounds that is in, in (0, 1]. */
  information: number;
  /** Convicts: the effect is above the limit. */
  upper: Bound;
  /** Acquits: the effect is below the limit; its `z` is negative. */
  lower?: Bound;
}

export interface DesignOptions {
  /** Shares of the planned rounds, rising, at least 0.001 apart, the last one ≤ 1. */
  information: readonly number[];
  /** Of the convicting side; its value at 1 is that side's one-sided alpha. */
  upper: SpendingFunction;
  /** Of the acquitting side, with an alpha of its own. */
  lower?: SpendingFunction;
}

/** Nearer looks would make the integration slow, and no run has a thousand of them. */
const closestLooks = 1e-3;

/** Less is left for the next look; the integration does not reach as deep either. */
const leastSpent = 1e-30;

/** Newton's method ends at steps this small; bisection alone would need 50 rounds from any bracket. */
const solved = 1e-13;
const mostRounds = 100;

/**
 * Bounds of a group sequential test by error spending: level k is such that the probability of
 * passing a bound at look k for the first time equals what the spending function grants between
 * looks k − 1 and k, for an effect exactly at the limit.
 *
 * Each side is a test of its own with an alpha of its own. It is computed as if the other side did
 * not exist (*non-binding*): stopping for the other side, or going on in spite of it, can only
 * lower its error. Either error therefore holds whatever is done about the other bound.
 *
 * The levels are exact for a normal mean of known variance. For a statistic of another null
 * distribution (Student's t, signed ranks) compare its p-value with `level`: the significance level
 * approach, approximate there (Jennison, Turnbull, «Group sequential methods», 2000, section 3.8).
 *
 * Method: `continuing-runs.ts`; the relative error of a level is below 10⁻¹¹ for at least 10⁻²⁰
 * spent per look. A look that is granted less than 10⁻³⁰ decides nothing and leaves it to the next.
 * @throws RangeError for times out of order, too close or outside (0, 1], and for a spending
 *   function that falls or leaves [0, 0.5)
 */
export function groupSequentialDesign(options: DesignOptions): Look[] {
  checkInformation(options.information);
  const upper = bounds(options.information, options.upper);
  const lower = options.lower && bounds(options.information, options.lower);
  return upper.map((bound, k) => {
    const below = lower?.[k];
    const look = { information: options.information[k] ?? Number.NaN, upper: bound };
    return below ? { ...look, lower: { ...below, z: -below.z } } : look;
  });
}

export interface Crossing {
  /** Probability that each look is the first to pass a bound, by bound. */
  looks: { upper: number; lower: number }[];
  /** Probability that the upper bound is the first to be passed, at whatever look; the lower. */
  upper: number;
  lower: number;
  /** Probability that no look decides. */
  neither: number;
  /** Expected number of looks when the first bound passed ends the run. */
  expectedLooks: number;
  /** Expected share of the planned rounds that are run then. */
  expectedInformation: number;
}

/**
 * What a design does when the effect is not at the limit.
 * @param drift expected z statistic with all planned rounds in: (effect − limit) / standard error.
 *   Its sign says on which side of the limit the effect lies.
 * @throws RangeError when the drift is not a finite number, or the looks are not as
 *   `groupSequentialDesign` gives them
 */
export function crossingProbabilities(design: readonly Look[], drift: number): Crossing {
  checkInformation(design.map((look) => look.information));
  if (!Number.isFinite(drift)) {
    throw new RangeError(`the drift must be a finite number, got ${drift}`);
  }
  const total: Crossing = {
    looks: [],
    upper: 0,
    lower: 0,
    neither: 1,
    expectedLooks: 0,
    expectedInformation: 0,
  };
  let continuing = start();
  for (const [k, { information, upper, lower }] of design.entries()) {
    total.expectedLooks += total.neither;
    total.expectedInformation += total.neither * (information - continuing.information);
    const above = upperTail(continuing, { information, drift }, upper.z);
    const below = lower
      ? upperTail(mirrored(continuing), { information, drift: -drift }, -lower.z)
      : 0;
    total.looks.push({ upper: above, lower: below });
    total.upper += above;
    total.lower += below;
    total.neither = Math.max(0, total.neither - above - below);
    const next = design[k + 1]?.information;
    if (next !== undefined) {
      const range = { from: lower?.z ?? -Infinity, to: upper.z };
      continuing = advance(continuing, { information, next, drift, ...range });
    }
  }
  return total;
}

/** The upper bounds of one side, as if it were alone. */
function bounds(times: readonly number[], spending: SpendingFunction): Bound[] {
  let continuing = start();
  let spent = 0;
  return times.map((information, k) => {
    const granted = spending(information);
    if (!(granted >= spent && granted < 0.5)) {
      const seen = `${granted} at ${information} after ${spent}`;
      throw new RangeError(`spending must rise from 0 and stay below 0.5, got ${seen}`);
    }
    const increment = granted - spent;
    let z = Number.POSITIVE_INFINITY;
    if (increment > leastSpent) {
      z = solve(continuing, { information, increment, granted });
      spent = granted;
    }
    const next = times[k + 1];
    if (next !== undefined) {
      continuing = advance(continuing, { information, next, drift: 0, from: -Infinity, to: z });
    }
    return { spent, level: z === Number.POSITIVE_INFINITY ? 0 : normalUpperTail(z), z };
  });
}

/**
 * The z that is first passed at this look with probability `increment`. Its own level is at least
 * that, and at most all that was granted, since whoever passes it has passed some bound by now.
 * Newton's method on the logarithm, which is nearly a parabola, held inside that bracket.
 */
function solve(
  before: Continuing,
  look: { information: number; increment: number; granted: number },
): number {
  const { information, increment, granted } = look;
  let low = -normalQuantile(granted);
  let high = -normalQuantile(increment);
  let z = high;
  for (let round = 0; round < mostRounds && high - low > solved; round++) {
    const tail = upperTail(before, { information, drift: 0 }, z);
    if (tail > increment) {
      low = z;
    } else {
      high = z;
    }
    const slope = densityAt(before, { information, drift: 0 }, z);
    const newton = z + (Math.log(tail / increment) * tail) / slope;
    const next = newton >= low && newton <= high ? newton : (low + high) / 2;
    if (Math.abs(next - z) <= solved) {
      return next;
    }
    z = next;
  }
  return z;
}

function checkInformation(times: readonly number[]): void {
  let previous = 0;
  for (const time of times) {
    // Half a rounding error more than the limit, so that 0.001 steps pass.
    if (!(time - previous >= closestLooks * (1 - 1e-9) && time <= 1)) {
      const wanted = `must rise by at least ${closestLooks} and end at most at 1`;
      throw new RangeError(`shares of information ${wanted}, got ${time} after ${previous}`);
    }
    previous = time;
  }
  if (times.length === 0) {
    throw new RangeError('a design needs at least one look, got none');
  }
}
