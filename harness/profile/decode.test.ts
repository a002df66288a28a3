import { gunzipSync, gzipSync } from 'node:zlib';
import { Profile as OtherProfile } from 'pprof-format';
import { describe, expect, test } from 'vitest';
import { deltaProfile, mergeProfiles } from './combine.ts';
import { decodeProfile } from './decode.ts';
import { columnOf, framesOf, sampleValue, tagsOf, totalOf } from './profile.ts';
import { encode, encodePlain } from './testing/encode.ts';
import { foldProfile } from './testing/fold.ts';

const small = encode({
  samples: [
    { stack: ['read', 'serve', 'main'], values: [30n] },
    { stack: ['serve', 'main'], values: [12n], tags: { role: 'front', size: 7n } },
  ],
});

/** A field of a message: varint, or bytes with their length. */
function field(number: number, value: bigint | readonly number[]): number[] {
  return typeof value === 'bigint'
    ? [...varint(BigInt(number << 3)), ...varint(value)]
    : [...varint(BigInt((number << 3) | 2)), ...varint(BigInt(value.length)), ...value];
}

function varint(value: bigint): number[] {
  const rest = BigInt.asUintN(64, value);
  return rest < 128n ? [Number(rest)] : [Number(rest & 127n) | 128, ...varint(rest >> 7n)];
}

const text = (value: string) => [...Buffer.from(value)];
const zipped = (...fields: number[][]) => gzipSync(Uint8Array.from(fields.flat()));
const types = field(1, [...field(1, 1n), ...field(2, 2n)]);
const strings = ['', 'delay', 'nanoseconds', 'f'].flatMap((each) => field(6, text(each)));
const functionF = field(5, [...field(1, 9n), ...field(2, 3n)]);
const locationF = field(4, [...field(1, 5n), ...field(4, [...field(1, 9n), ...field(2, 8n)])]);
const sampleF = field(2, [...field(1, 5n), ...field(2, 1n)]);

describe('values', () => {
  test.for([
    0n,
    -1n,
    -5_000_000_000n,
    2n ** 28n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 35n + 1n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    2n ** 63n - 1n,
    -(2n ** 63n),
  ])('%d is read exactly', (value) => {
    const profile = decodeProfile(encode({ samples: [{ stack: ['f'], values: [value] }] }));
    expect(sampleValue(profile, 0, 0)).toBe(value);
    expect(totalOf(profile, 0)).toBe(value);
  });

  test('of 63-bit random numbers each comes back, and so does their sum', () => {
    let state = 88172645463325252n;
    const values = Array.from({ length: 2000 }, () => {
      state = BigInt.asUintN(64, (state ^ (state << 13n)) * 2862933555777941757n + 3037000493n);
      return BigInt.asIntN(64, state) >> (state % 60n);
    });
    const samples = values.map((value, i) => ({ stack: [`f${i}`], values: [value] }));
    const profile = decodeProfile(encode({ samples }));
    expect([...profile.values]).toEqual(values);
    expect(totalOf(profile, 0)).toBe(values.reduce((a, b) => a + b, 0n));
  });

  test('repeated fields may be packed or not', () => {
    const packed = field(2, [...field(1, [5, 5]), ...field(2, varint(-3n))]);
    const profile = decodeProfile(zipped(types, packed, sampleF, functionF, locationF, strings));
    expect([...profile.values]).toEqual([-3n, 1n]);
    expect(framesOf(profile, 0).map(({ name, line }) => `${name}:${line}`)).toEqual(['f:8', 'f:8']);
  });
});

describe('what is not a whole profile is refused', () => {
  const whole = [types, sampleF, functionF, locationF, strings];

  test('the parts of these tests are a profile when nothing is missing', () => {
    expect(decodeProfile(zipped(...whole)).samples).toBe(1);
  });

  test('every prefix', () => {
    for (let length = 0; length < small.length; length++) {
      expect(() => decodeProfile(small.subarray(0, length)), `${length} bytes`).toThrow();
    }
  });

  test('every prefix of the content, in a whole gzip member', () => {
    const plain = gunzipSync(small);
    for (let length = 0; length < plain.length; length++) {
      // pprof-format writes the tables last; only the very last, empty fields may be missing.
      const cut = gzipSync(plain.subarray(0, length));
      const lost = plain.length - length;
      if (lost > 8) {
        expect(() => decodeProfile(cut), `without the last ${lost} bytes`).toThrow();
      }
    }
  });

  test.for<[string, Uint8Array, string]>([
    ['an empty file', new Uint8Array(), 'empty file'],
    ['no gzip', encodePlain({ samples: [] }), 'not gzipped'],
    ['a page', gzipSync('<html>404</html>'), ''],
    ['two members', Buffer.concat([small, small]), 'do not belong to it'],
    ['bytes after it', Buffer.concat([small, Buffer.alloc(9)]), 'do not belong to it'],
    ['a text after it', Buffer.concat([small, Buffer.from('tail')]), 'damaged'],
    [
      'a stack without end',
      encode({ samples: [{ stack: Array(5000).fill('f'), values: [1n] }] }),
      '5000 frames, more than 4096',
    ],
    ['no string table', zipped(types), 'string table is missing'],
    ['a string beyond the table', zipped(types, field(6, [])), 'names string 1 of 1'],
    ['a comment beyond the table', zipped(...whole, field(13, 9n)), 'names string 9 of 4'],
    ['a negative index', zipped(...whole, field(14, -1n)), '-1 where a count'],
    ['no location', zipped(types, sampleF, functionF, strings), 'names location 5'],
    ['no function', zipped(types, sampleF, locationF, strings), 'names function 9'],
    ['one id twice', zipped(...whole, functionF), 'two entries for function 9'],
    ['an id of 0', zipped(...whole, field(5, field(2, 3n))), 'or its id is 0'],
    [
      'a mapping that is not there',
      zipped(...whole, field(4, [...field(1, 6n), ...field(2, 1n)])),
      'names mapping 1',
    ],
    [
      'no values',
      zipped(types, field(2, field(1, 5n)), functionF, locationF, strings),
      '0 values for 1',
    ],
    ['a value too many', zipped(...whole, field(2, field(2, [1, 2]))), '2 values for 1'],
    [
      'a long number',
      zipped(...whole, field(12, 1n).slice(0, 1), Array(10).fill(255), [0]),
      'more than 64 bits',
    ],
    ['a cut number', zipped(...whole, [0x60, 0x80]), 'within a number'],
    ['a field beyond the end', zipped(...whole, [0x32, 5, 1]), 'ends beyond its message'],
    ['a cut fixed field', zipped(...whole, [0x79, 1, 2]), 'cut short within field 15'],
    ['a group', zipped(...whole, [0x7b]), 'wire type 3'],
    ['field 0', zipped(...whole, [0x00, 1]), 'the number 0'],
    ['a wrong wire type', zipped(...whole, field(9, [1])), 'wire type 2, not 0'],
  ])('%s', ([, bytes, message]) => {
    expect(() => decodeProfile(bytes)).toThrow(message);
  });

  test('unknown fields of every size are passed over', () => {
    const unknown = [
      field(99, 5n),
      field(98, [1, 2]),
      [0x79, ...Array(8).fill(1)],
      [0x7d, 1, 2, 3, 4],
    ];
    expect(decodeProfile(zipped(...whole, ...unknown)).samples).toBe(1);
  });

  test('a bomb stops at the limit', () => {
    const bomb = gzipSync(new Uint8Array(8 << 20));
    expect(() => decodeProfile(bomb, 1 << 20)).toThrow('larger than 1048576 bytes when unzipped');
    expect(bomb.length).toBeLessThan(10_000);
  });
});

test('tags, inlined frames and places without symbols are kept', () => {
  const profile = decodeProfile(small);
  expect(tagsOf(profile, 0)).toEqual([]);
  expect(tagsOf(profile, 1)).toEqual([
    { key: 'role', text: 'front', number: 0n, unit: '' },
    { key: 'size', text: '', number: 7n, unit: 'bytes' },
  ]);
  const inlined = decodeProfile(
    encode({ samples: [{ stack: [['inner', 'middle', 'outer'], 'main'], values: [1n] }] }),
  );
  expect(framesOf(inlined, 0).map((f) => [f.name, f.inlined])).toEqual([
    ['inner', true],
    ['middle', true],
    ['outer', false],
    ['main', false],
  ]);
  const bare = field(4, [...field(1, 5n), ...field(3, -1n)]);
  const unnamed = decodeProfile(zipped(types, sampleF, bare, strings));
  expect(framesOf(unnamed, 0)[0]?.name).toBe('0xffffffffffffffff');
});

test('a sample type is found by name, or the ones that there are are named', () => {
  expect(columnOf(decodeProfile(small), 'cpu')).toBe(0);
  expect(() => columnOf(decodeProfile(small), 'delay')).toThrow('[cpu], not delay');
});

test('200,000 samples of 25 frames are what pprof-format reads', { timeout: 60_000 }, () => {
  const stacks = Array.from({ length: 200_000 }, (_, s) =>
    Array.from({ length: 25 }, (_, depth) => `f${(s * 31 + depth * depth * 17) % 5000}`),
  );
  const bytes = encode({
    samples: stacks.map((stack, s) => ({ stack, values: [BigInt(s) * 1_000_003n] })),
  });
  const plain = gunzipSync(bytes);
  expect(plain.length).toBeGreaterThan(11_000_000);
  const profile = decodeProfile(bytes);
  const other = OtherProfile.decode(plain);
  expect(profile.samples).toBe(200_000);
  for (let s = 0; s < 200_000; s += 997) {
    expect(framesOf(profile, s).map(({ name }) => name)).toEqual(stacks[s]);
  }
  const sum = other.sample.reduce((all, { value }) => all + BigInt(value[0] ?? 0), 0n);
  expect(totalOf(profile, 0)).toBe(sum);
});

describe('profiles put together', () => {
  const profile = (timeNanos: bigint, samples: Parameters<typeof encode>[0]['samples']) =>
    decodeProfile(encode({ timeNanos, samples }));

  test('sums beyond 2^53 and below 0 are kept exactly', () => {
    const large = 2n ** 62n + 1n;
    const a = profile(5n, [{ stack: ['f', 'g'], values: [large] }]);
    const b = profile(9n, [
      { stack: ['f', 'g'], values: [3n] },
      { stack: ['g'], values: [-7n] },
    ]);
    const merged = mergeProfiles([a, b]);
    expect(foldProfile(merged, 0)).toEqual([
      { frames: ['g'], value: -7n },
      { frames: ['g', 'f'], value: large + 3n },
    ]);
    expect(foldProfile(deltaProfile(a, b), 0)).toEqual([
      { frames: ['g'], value: -7n },
      { frames: ['g', 'f'], value: 3n - large },
    ]);
    expect(() => mergeProfiles([a, a])).toThrow('beyond 64 bits');
    expect(() => mergeProfiles([])).toThrow('no profile');
  });

  test('samples with other tags stay apart, and equal ones become one', () => {
    const a = profile(1n, [
      { stack: ['f'], values: [1n], tags: { role: 'x' } },
      { stack: ['f'], values: [2n], tags: { role: 'y' } },
    ]);
    const merged = mergeProfiles([a, a]);
    expect([...merged.values]).toEqual([2n, 4n]);
    expect([0, 1].map((s) => tagsOf(merged, s)[0]?.text)).toEqual(['x', 'y']);
    expect(deltaProfile(a, a).samples).toBe(0);
  });
});
