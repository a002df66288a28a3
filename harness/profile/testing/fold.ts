import { framesOf, type Profile, sampleValue } from './profile.ts';

/** What a stack weighs. */
export interface FoldedStack {
  /** Names of functions, root first. */
  frames: readonly string[];
  value: bigint;
}

/** Names of frames, leaf first, to a name that goes before the root; undefined for none. */
type Group = (names: readonly string[]) => string | undefined;

/**
 * The stacks of one sample type with the same function names added up, in the order of their names;
 * the sum is that of the profile.
 * @param group puts a frame of its own below every stack, such as what the stack waits for
 */
export function foldProfile(profile: Profile, column: number, group?: Group): FoldedStack[] {
  const folded = new Map<string, { frames: string[]; value: bigint }>();
  for (let sample = 0; sample < profile.samples; sample++) {
    const names = framesOf(profile, sample).map(({ name }) => name);
    const below = group?.(names);
    const frames = below === undefined ? names.toReversed() : [below, ...names.toReversed()];
    const key = frames.join('\n');
    const known = folded.get(key) ?? { frames, value: 0n };
    known.value += sampleValue(profile, sample, column);
    folded.set(key, known);
  }
  return [...folded.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stack]) => stack);
}

/** What a stack weighs in two profiles. */
export interface StackDifference {
  frames: readonly string[];
  base: bigint;
  head: bigint;
}

/**
 * Two lists of folded stacks side by side: a stack that only one has weighs 0 in the other, so that
 * both sums are kept exactly.
 */
export function diffStacks(
  base: readonly FoldedStack[],
  head: readonly FoldedStack[],
): StackDifference[] {
  const both = new Map<string, StackDifference>();
  for (const side of ['base', 'head'] as const) {
    for (const { frames, value } of side === 'base' ? base : head) {
      const key = frames.join('\n');
      const known = both.get(key) ?? { frames, base: 0n, head: 0n };
      known[side] += value;
      both.set(key, known);
    }
  }
  return [...both.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stack]) => stack);
}
