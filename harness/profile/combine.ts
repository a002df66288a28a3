import { type Frame, type Location, type Profile, rangeOf, type Tag, tagsOf } from './profile.ts';

/**
 * Several profiles of the same sample types as one; the sums of every type are kept exactly. Samples
 * with the same frames (function, file and line) and tags become one. Addresses are not compared:
 * they differ between builds.
 * @throws Error for none, for different sample types, and for a sum beyond 64 bits
 */
export function mergeProfiles(profiles: readonly Profile[]): Profile {
  const [first] = profiles;
  if (first === undefined) {
    throw new Error('no profile to merge');
  }
  const times = profiles.map(({ timeNanos }) => timeNanos);
  return {
    ...combine(profiles.map((profile) => ({ profile, sign: 1n }))),
    timeNanos: times.reduce((a, b) => (b < a ? b : a)),
    durationNanos: profiles.reduce((sum, { durationNanos }) => sum + durationNanos, 0n),
  };
}

/**
 * What came between two profiles of one process that count from its start: block, mutex, allocations.
 * Values are later − earlier, exactly; samples that did not change are left out. The duration is the
 * time between both.
 * @throws Error when the second is not the later one, and as mergeProfiles does
 */
export function deltaProfile(earlier: Profile, later: Profile): Profile {
  if (later.timeNanos < earlier.timeNanos) {
    throw new Error(
      `the profile to subtract was taken ${earlier.timeNanos - later.timeNanos} ns after the other`,
    );
  }
  return {
    ...combine([
      { profile: earlier, sign: -1n },
      { profile: later, sign: 1n },
    ]),
    timeNanos: later.timeNanos,
    durationNanos: later.timeNanos - earlier.timeNanos,
  };
}

interface Part {
  profile: Profile;
  sign: bigint;
}

function combine(parts: readonly Part[]): Profile {
  const last = parts.at(-1)?.profile as Profile;
  const types = last.sampleTypes.length;
  const locations = new Interned<Location>();
  const tagSets = new Interned<readonly Tag[]>();
  const samples = new Interned<{ stack: Uint32Array; tags: number; values: bigint[] }>();
  for (const { profile, sign } of parts) {
    requireSameTypes(last, profile);
    const places = profile.locations.map((each) => locations.indexOf(locationKey(each), each));
    for (let sample = 0; sample < profile.samples; sample++) {
      const stack = profile.stacks
        .subarray(...rangeOf(profile.stackEnds, sample))
        .map((at) => places[at] ?? 0);
      const tags = tagsOf(profile, sample);
      const tagSet = tagSets.indexOf(tagKey(tags), tags);
      const fresh = { stack, tags: tagSet, values: new Array<bigint>(types).fill(0n) };
      const { values } = samples.get(`${tagSet}:${stackKey(stack)}`, fresh);
      for (let column = 0; column < types; column++) {
        const value = profile.values[sample * types + column] ?? 0n;
        values[column] = (values[column] ?? 0n) + sign * value;
      }
    }
  }
  const kept = samples.all.filter(({ values }) => values.some((value) => value !== 0n));
  return { ...last, ...columns(kept, types, tagSets.all), locations: locations.all };
}

function requireSameTypes(one: Profile, other: Profile): void {
  const words = ({ sampleTypes }: Profile) => sampleTypes.map((t) => `${t.type}/${t.unit}`).join();
  if (words(one) !== words(other)) {
    throw new Error(`the profiles have different sample types: ${words(one)}, ${words(other)}`);
  }
}

type Columns = Pick<Profile, 'samples' | 'values' | 'stackEnds' | 'stacks' | 'tagEnds' | 'tags'>;

function columns(
  samples: readonly { stack: Uint32Array; tags: number; values: bigint[] }[],
  types: number,
  tagSets: readonly (readonly Tag[])[],
): Columns {
  const values = new BigInt64Array(samples.length * types);
  const stackEnds = new Uint32Array(samples.length);
  const tagEnds = new Uint32Array(samples.length);
  const stacks = new Uint32Array(samples.reduce((sum, { stack }) => sum + stack.length, 0));
  const tags: Tag[] = [];
  let depth = 0;
  samples.forEach((sample, at) => {
    sample.values.forEach((value, column) => {
      if (BigInt.asIntN(64, value) !== value) {
        throw new Error(`the profiles add up to ${value}, beyond 64 bits`);
      }
      values[at * types + column] = value;
    });
    stacks.set(sample.stack, depth);
    depth += sample.stack.length;
    stackEnds[at] = depth;
    tags.push(...(tagSets[sample.tags] ?? []));
    tagEnds[at] = tags.length;
  });
  return { samples: samples.length, values, stackEnds, stacks, tagEnds, tags };
}

/** Values by key, each once, in the order in which they came. */
class Interned<T> {
  readonly all: T[] = [];
  private readonly indices = new Map<string, number>();

  indexOf(key: string, value: T): number {
    const known = this.indices.get(key);
    if (known !== undefined) {
      return known;
    }
    this.indices.set(key, this.all.length);
    return this.all.push(value) - 1;
  }

  get(key: string, fresh: T): T {
    return this.all[this.indexOf(key, fresh)] as T;
  }
}

function locationKey({ frames, binary }: Location): string {
  return JSON.stringify([binary, ...frames.flatMap((f: Frame) => [f.name, f.file, f.line])]);
}

function tagKey(tags: readonly Tag[]): string {
  return tags.length === 0
    ? ''
    : JSON.stringify(tags.map(({ key, text, number, unit }) => [key, text, `${number}`, unit]));
}

/** Two UTF-16 units an index: shorter and much faster than digits. */
function stackKey(stack: Uint32Array): string {
  let key = '';
  for (const at of stack) {
    key += String.fromCharCode(at & 0xffff, at >>> 16);
  }
  return key;
}
