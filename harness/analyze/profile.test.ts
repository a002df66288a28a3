import { gunzipSync, gzipSync } from 'node:zlib';
import {
  Line,
  Location,
  Profile,
  Function as ProfileFunction,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import { expect, test } from 'vitest';
import { mergeWeights, profileWeights } from './profile.ts';

interface ProfileOptions {
  /** Location id to the functions in it, the innermost inlined one first. */
  locations: Record<number, string[]>;
  /** Stacks of location ids, leaf first, with their values of `samples` and `cpu`. */
  samples: [stack: number[], value: (number | bigint)[]][];
}

/** A CPU profile as Go's runtime writes it. */
function cpuProfile({ locations, samples }: ProfileOptions): Uint8Array {
  const stringTable = new StringTable();
  const name = (text: string) => stringTable.dedup(text);
  const functions = new Map<string, ProfileFunction>();
  const idOf = (text: string) => {
    const known = functions.get(text);
    const id = known?.id ?? functions.size + 1;
    functions.set(text, known ?? new ProfileFunction({ id, name: name(text) }));
    return id;
  };
  const location = Object.entries(locations).map(
    ([id, names]) =>
      new Location({
        id: Number(id),
        line: names.map((text) => new Line({ functionId: idOf(text), line: 1 })),
      }),
  );
  const profile = new Profile({
    sampleType: [
      new ValueType({ type: name('samples'), unit: name('count') }),
      new ValueType({ type: name('cpu'), unit: name('nanoseconds') }),
    ],
    sample: samples.map(([locationId, value]) => new Sample({ locationId, value })),
    location,
    function: [...functions.values()],
    stringTable,
  });
  return gzipSync(profile.encode());
}

const simple = cpuProfile({
  locations: { 1: ['read'], 2: ['serve'], 3: ['main'] },
  samples: [
    [
      [1, 2, 3],
      [3, 30_000_000],
    ],
    [
      [2, 3],
      [1, 10_000_000],
    ],
  ],
});

test('flat is the leaf’s, cumulative is everyone’s on the stack', () => {
  expect(profileWeights(simple, 'cpu')).toEqual({
    total: 40_000_000,
    samples: 2,
    functions: [
      { name: 'main', flat: 0, cumulative: 40_000_000 },
      { name: 'serve', flat: 10_000_000, cumulative: 40_000_000 },
      { name: 'read', flat: 30_000_000, cumulative: 30_000_000 },
    ],
  });
  expect(profileWeights(simple, 'samples').total).toBe(4);
});

test('a profile that is cut at any byte is refused', () => {
  expect(simple.length).toBeGreaterThan(60);
  for (let length = 0; length < simple.length; length++) {
    expect(() => profileWeights(simple.subarray(0, length), 'cpu'), `${length} bytes`).toThrow();
  }
});

test('a profile with any bit of its data flipped is refused', () => {
  // The gzip header (10 bytes) holds a time and a system code that no checksum guards.
  for (let at = 10; at < simple.length; at++) {
    const flipped = Uint8Array.from(simple);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    expect(() => profileWeights(flipped, 'cpu'), `byte ${at}`).toThrow();
  }
});

test('the decoder alone takes a cut protobuf without complaint, which is why gzip is checked', () => {
  const plain = gunzipSync(simple);
  const cut = Profile.decode(plain.subarray(0, 40));
  expect(cut.sample.length).toBeLessThanOrEqual(2);
});

test('the functions that were inlined into a frame are frames too, the innermost is the leaf', () => {
  const inlined = cpuProfile({
    locations: { 1: ['inner', 'middle', 'outer'], 2: ['main'] },
    samples: [
      [
        [1, 2],
        [1, 10],
      ],
    ],
  });
  expect(profileWeights(inlined, 'cpu').functions).toEqual([
    { name: 'inner', flat: 10, cumulative: 10 },
    { name: 'main', flat: 0, cumulative: 10 },
    { name: 'middle', flat: 0, cumulative: 10 },
    { name: 'outer', flat: 0, cumulative: 10 },
  ]);
});

test('recursion counts once', () => {
  const recursive = cpuProfile({
    locations: { 1: ['walk'], 2: ['walk', 'walk'], 3: ['main'] },
    samples: [
      [
        [1, 2, 1, 3],
        [1, 10],
      ],
    ],
  });
  expect(profileWeights(recursive, 'cpu').functions).toEqual([
    { name: 'main', flat: 0, cumulative: 10 },
    { name: 'walk', flat: 10, cumulative: 10 },
  ]);
});

test.for([
  ['negative', -5n, -5],
  ['beyond 2^32', 5_000_000_000n, 5_000_000_000],
  ['beyond 2^53', 2n ** 60n, 2 ** 60],
  ['the least', -(2n ** 63n), -(2 ** 63)],
] as const)('a value that is %s keeps its sign and size', ([, value, expected]) => {
  const profile = cpuProfile({ locations: { 1: ['f'] }, samples: [[[1], [1, value]]] });
  expect(profileWeights(profile, 'cpu').total).toBe(expected);
});

test.for([
  [{ locations: { 1: ['f'] }, samples: [[[2], [1, 10]]] }, 'names location 2'],
  [{ locations: { 1: ['f'] }, samples: [[[1], [10]]] }, '1 values for 2 types'],
  [{ locations: { 1: ['f'] }, samples: [[[1], [1, 2, 3]]] }, '3 values for 2 types'],
] as [ProfileOptions, string][])('refuses a profile that %#', ([options, message]) => {
  expect(() => profileWeights(cpuProfile(options), 'cpu')).toThrow(message);
});

test('refuses a frame of a function that is not there', () => {
  const plain = Profile.decode(gunzipSync(simple));
  plain.function = plain.function.slice(1);
  expect(() => profileWeights(gzipSync(plain.encode()), 'cpu')).toThrow('names function 1');
});

test('refuses a profile of another kind and a page that is no profile', () => {
  expect(() => profileWeights(simple, 'goroutine')).toThrow(
    'the profile has the sample types [samples, cpu], not goroutine',
  );
  expect(() => profileWeights(gzipSync('<html>404</html>'), 'cpu')).toThrow();
  expect(() => profileWeights(Buffer.from('<html>404</html>'), 'cpu')).toThrow();
});

test('a profile without samples has no weight', () => {
  const empty = cpuProfile({ locations: {}, samples: [] });
  expect(profileWeights(empty, 'cpu')).toEqual({ total: 0, samples: 0, functions: [] });
});

test('profiles add up by function name', () => {
  const once = profileWeights(simple, 'cpu');
  const twice = mergeWeights([once, once]);
  expect(twice.total).toBe(2 * once.total);
  expect(twice.samples).toBe(4);
  expect(twice.functions.map(({ name }) => name)).toEqual(once.functions.map(({ name }) => name));
  expect(twice.functions[2]).toEqual({ name: 'read', flat: 60_000_000, cumulative: 60_000_000 });
  expect(once.functions[2]?.flat).toBe(30_000_000);
  expect(mergeWeights([])).toEqual({ total: 0, samples: 0, functions: [] });
});
