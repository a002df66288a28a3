import type { FoldedStack } from '../labels/off-cpu.ts';
import { framesOf, type Profile, sampleValue } from '../profile.ts';

/**
 * The stacks of one sample type with the same function names added up, in the order of their names;
 * the sum is that of the profile.
 */
export function foldProfile(profile: Profile, column: number): FoldedStack[] {
  const folded = new Map<string, { frames: string[]; value: bigint }>();
  for (let sample = 0; sample < profile.samples; sample++) {
    const frames = framesOf(profile, sample)
      .map(({ name }) => name)
      .toReversed();
    const key = frames.join('\n');
    const known = folded.get(key) ?? { frames, value: 0n };
    known.value += sampleValue(profile, sample, column);
    folded.set(key, known);
  }
  return [...folded.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stack]) => stack);
}
