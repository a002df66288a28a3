import { arms, type ByArm } from '../scenario/arm.ts';
import { jointTrimmedMean, type TrimmedMean, trimmedMean } from '../stats/trimmed-mean.ts';

/** One metric in one window of one round, by program; finite and above zero. */
export type ArmValues = ByArm<number>;

type Better = 'lower' | 'higher';

/**
 * How much worse the head is over the rounds, as a logarithm: above 0 is worse. Both builds of the
 * base count as the base. Their own difference (`controlOf`) is orthogonal to that, so that the
 * control costs little: the variance is 9/8 of what base and head alone would have in the same time.
 */
export function effectOf(values: readonly ArmValues[], better: Better): TrimmedMean {
  const against = (arm: 'base' | 'control') => values.map((round) => worse(round, arm, better));
  return jointTrimmedMean([against('base'), against('control')]);
}

/** The same between two builds of one revision: what it shows beyond chance is a fault of the machine. */
export function controlOf(values: readonly ArmValues[], better: Better): TrimmedMean {
  return trimmedMean(
    values.map((round) => worse({ ...round, head: round.control }, 'base', better)),
  );
}

/** How much worse head and control were than the base in one round, as logarithms: above 0 is worse. */
export function roundEffects(round: ArmValues, better: Better): { head: number; control: number } {
  return {
    head: worse(round, 'base', better),
    control: worse({ ...round, head: round.control }, 'base', better),
  };
}

function worse(round: ArmValues, arm: 'base' | 'control', better: Better): number {
  const ratio = Math.log(round.head) - Math.log(round[arm]);
  return better === 'lower' ? ratio : -ratio;
}

/** A zero, or what is no number, has no logarithm, and must not pass for a small one. */
export function isUsable(value: ArmValues | null): value is ArmValues {
  return value !== null && arms.every((arm) => value[arm] > 0 && value[arm] < largest);
}

/** Ratios of anything larger could leave what a number can hold. */
const largest = 1e100;
