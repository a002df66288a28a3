/**
 * A pprof profile in memory (github.com/google/pprof, proto/profile.proto). Samples are columns,
 * because there may be millions; the tables that they point into are objects. All 64-bit values are
 * exact: bigint.
 */
export interface Profile {
  sampleTypes: readonly ValueType[];
  /** Number of samples. */
  samples: number;
  /** Sample s has the values [s × sampleTypes.length, …), signed. */
  values: BigInt64Array;
  /** Sample s has the stack [stackEnds[s − 1] or 0, stackEnds[s]) of `stacks`. */
  stackEnds: Uint32Array;
  /** Indices of `locations`, leaf first. */
  stacks: Uint32Array;
  /** Sample s has the tags [tagEnds[s − 1] or 0, tagEnds[s]) of `tags`. */
  tagEnds: Uint32Array;
  tags: readonly Tag[];
  locations: readonly Location[];
  /** When it was taken, ns since 1970; 0 when the profile does not say. */
  timeNanos: bigint;
  /** What it covers; only Go's CPU profiles and deltas (`?seconds=`) say so, all others have 0. */
  durationNanos: bigint;
  periodType: ValueType | null;
  period: bigint;
  /** The sample type to look at first, or ''. */
  defaultSampleType: string;
  comments: readonly string[];
}

export interface ValueType {
  type: string;
  unit: string;
}

/**
 * What profile.proto calls a label of a sample: pprof.Do's in Go. Named otherwise here, because a
 * label of ours says what a stack waits for.
 */
export interface Tag {
  key: string;
  /** Empty when the tag is a number. */
  text: string;
  number: bigint;
  unit: string;
}

export interface Location {
  address: bigint;
  /** Path of the binary or library, '' when not known. */
  binary: string;
  /** The frames at the address: the innermost inlined one first, its caller next. */
  frames: readonly Frame[];
}

export interface Frame {
  /** Name of the function; the address in hexadecimal where a profile has no symbols. */
  name: string;
  file: string;
  /** 0 when not known. */
  line: number;
  /** Whether it was inlined into the frame after it. */
  inlined: boolean;
}

/**
 * The index of a sample type.
 * @throws Error naming the types that there are
 */
export function columnOf({ sampleTypes }: Profile, type: string): number {
  const column = sampleTypes.findIndex((each) => each.type === type);
  if (column < 0) {
    const types = sampleTypes.map((each) => each.type).join(', ');
    throw new Error(`the profile has the sample types [${types}], not ${type}`);
  }
  return column;
}

export function sampleValue(
  { values, sampleTypes }: Profile,
  sample: number,
  column: number,
): bigint {
  return values[sample * sampleTypes.length + column] ?? 0n;
}

/** The exact sum of one sample type. */
export function totalOf(profile: Profile, column: number): bigint {
  let total = 0n;
  for (let sample = 0; sample < profile.samples; sample++) {
    total += sampleValue(profile, sample, column);
  }
  return total;
}

/** The frames of a sample, leaf first, inlined ones included. */
export function framesOf(profile: Profile, sample: number): Frame[] {
  const { stacks, locations } = profile;
  const [start, end] = rangeOf(profile.stackEnds, sample);
  const frames: Frame[] = [];
  for (let at = start; at < end; at++) {
    frames.push(...(locations[stacks[at] ?? 0]?.frames ?? []));
  }
  return frames;
}

/** The tags of a sample. */
export function tagsOf({ tags, tagEnds }: Profile, sample: number): readonly Tag[] {
  return tags.slice(...rangeOf(tagEnds, sample));
}

/** Where a sample's part of a column begins and ends. */
export function rangeOf(ends: Uint32Array, sample: number): [start: number, end: number] {
  return [sample === 0 ? 0 : (ends[sample - 1] ?? 0), ends[sample] ?? 0];
}
