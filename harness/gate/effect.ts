import type { ByArm } from '../scenario/arm.ts';

/** One metric in one window of one round, by program; finite and above zero. */
export type ArmValues = ByArm<number>;

/**
 * How much worse the head is, as a logarithm: above 0 is worse. Both builds of the base count as
 * the base; their own difference (`controlOf`) is orthogonal to it, so that the control costs little:
 * the variance is 9/8 of what base and head alone would have in the same time.
 */
export function effectOf(values: ArmValues, better: 'lower' | 'higher'): number {
  const ratio = Math.log(values.head) - (Math.log(values.base) + Math.log(values.control)) / 2;
  return better === 'lower' ? ratio : -ratio;
}

/** The same between two builds of one revision: what it shows beyond chance is a fault of the machine. */
export function controlOf(values: ArmValues, better: 'lower' | 'higher'): number {
  const ratio = Math.log(values.control) - Math.log(values.base);
  return better === 'lower' ? ratio : -ratio;
}
