import { gateModes } from '../scenario/arm.ts';
import { groupSequentialDesign } from '../stats/group-sequential.ts';
import { pocockSpending } from '../stats/spending.ts';

/**
 * How the gate measures: all of it is fixed before the first round, so that no result can change it.
 *
 * Three programs run side by side in every round: `base` and `control` are two builds of the base
 * revision, `head` is the change. A round has fresh processes, each from a fresh copy of its binary
 * (the physical pages of a file's text alone are worth 1 to 2 % of CPU time), in an order drawn from
 * the seed, and two windows at the same rate: *mixed*, in which each request goes to a random
 * program, and *sliced*, in which they take turns. What is counted rather than timed, such as CPU
 * time, does not wait in a queue: its mixed value is that of both windows together.
 */

/** Of a round. Connections settle and caches fill in the warm-up, which nothing records. */
export const windowsMs = { warmup: 300, mixed: 750, sliced: 1_250 } as const;
/** Load of one round. */
export const roundMs = windowsMs.warmup + windowsMs.mixed + windowsMs.sliced;
/** Long beside a request, short beside what neighbours do: the programs share the same minutes. */
export const sliceMs = 20;

/** Rounds after which the data is looked at. 39 rounds are 90 s of load, 17 are 39 s. */
export const looks = [12, 17, 25, 39] as const;
export const mostRounds = looks[looks.length - 1] as number;

/** A round without a usable value is no catastrophe; with more than a third of them lost, what is left was chosen. */
export const usableShare = 2 / 3;

/** Of every pull request: how probable it may be that an effect at its limit is called a regression. */
const convictAlpha = 0.05;
/** Of every metric: how probable it may be that an effect at its limit passes. */
const acquitAlpha = 0.025;

/**
 * The levels are exact for normal means. Student's t over a trimmed mean errs up to 1.4 times as often
 * as its p-value says, with 12 to 39 normal rounds and levels down to 2·10⁻⁴ (10⁶ simulated trials);
 * the sequence of looks adds up to 9 %, and heavier tails take more away than that.
 */
const studentAllowance = 1.4;

/** What one-sided p-value decides at a look. */
export interface LookLevels {
  /** Rounds that have been run. */
  rounds: number;
  /** Of either mode, against «effect ≤ limit». */
  convict: number;
  /** Of the sliced mode, against «effect ≥ limit». */
  acquit: number;
}

/**
 * The levels of all looks.
 * @param hypotheses number of limits that the pull request is held against, ≥ 1. Each gets its share
 *   of `convictAlpha` (Bonferroni; Holm's step follows when all have ended), and each mode half of
 *   that, because either may convict.
 */
export function lookLevels(hypotheses: number): readonly LookLevels[] {
  const known = computed.get(hypotheses);
  if (known !== undefined) {
    return known;
  }
  if (!(Number.isInteger(hypotheses) && hypotheses >= 1)) {
    throw new RangeError(`a family has at least one hypothesis, got ${hypotheses}`);
  }
  const design = groupSequentialDesign({
    information: looks.map((rounds) => rounds / mostRounds),
    // Pocock's, because clear cases are to end early, and margins to the limit are wide.
    upper: pocockSpending(convictAlpha / hypotheses / gateModes.length / studentAllowance),
    lower: pocockSpending(acquitAlpha / studentAllowance),
  });
  const levels = design.map(({ upper, lower }, index) => ({
    rounds: looks[index] ?? Number.NaN,
    convict: upper.level,
    acquit: lower?.level ?? 0,
  }));
  computed.set(hypotheses, levels);
  return levels;
}

/** The integration takes some 20 ms. */
const computed = new Map<number, readonly LookLevels[]>();
