import Type, { type Static } from 'typebox';

/**
 * The programs that a gate runs side by side: two builds of the base revision, of which the second is
 * the control, and the change.
 */
export const arms = ['base', 'control', 'head'] as const;
export const Arm = Type.Enum([...arms]);
export type Arm = Static<typeof Arm>;

/** One value for each program. */
export type ByArm<T> = Record<Arm, T>;

/** How a window shares its requests among them: each at random, or all in turns. */
export const gateModes = ['mixed', 'sliced'] as const;
export type GateMode = (typeof gateModes)[number];

export function eachArm<T>(make: (arm: Arm) => T): ByArm<T> {
  return { base: make('base'), control: make('control'), head: make('head') };
}

export function eachMode<T>(make: (mode: GateMode) => T): Record<GateMode, T> {
  return { mixed: make('mixed'), sliced: make('sliced') };
}
