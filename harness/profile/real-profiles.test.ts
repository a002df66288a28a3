import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { Profile as OtherProfile } from 'pprof-format';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';
import { deltaProfile, mergeProfiles } from './combine.ts';
import { decodeProfile } from './decode.ts';
import { columnOf, framesOf, type Profile, sampleValue, tagsOf, totalOf } from './profile.ts';
import { foldProfile } from './testing/fold.ts';
import { buildProgram, goCommand } from './testing/go-program.ts';

const go = goCommand();
const kinds = ['cpu', 'heap', 'goroutine', 'block', 'mutex'] as const;
const source = join(rootDir, 'harness/profile/testdata/takeprofiles.go');

describe.skipIf(go.version === null)(`profiles of a real program${go.missing}`, () => {
  let dir = '';
  const path = (name: string) => join(dir, `${name}.pb.gz`);
  const bytes = (name: string) => readFileSync(path(name));
  const pprof = (...args: string[]) =>
    execFileSync('go', ['tool', 'pprof', ...args], {
      ...{ env: go.env, encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] },
    });

  beforeAll(() => {
    const built = buildProgram(go, source);
    dir = built.dir;
    execFileSync(built.binary, [dir]);
  }, 120_000);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test.for(kinds)(
    '%s: every sample as `go tool pprof -raw` prints it',
    { timeout: 60_000 },
    (kind) => {
      const profile = decodeProfile(bytes(kind));
      const raw = rawSamples(pprof('-raw', path(kind)));
      expect(profile.samples).toBeGreaterThan(0);
      expect(samplesOf(profile)).toEqual(raw);
    },
  );

  test.for(kinds)(
    '%s: every flat and cumulative sum as `go tool pprof -top` prints it',
    { timeout: 60_000 },
    (kind) => {
      const profile = decodeProfile(bytes(kind));
      const { type, unit } = profile.sampleTypes.at(-1) ?? { type: '', unit: '' };
      const exact = { nanoseconds: ['-unit=ns'], bytes: ['-unit=B'] }[unit] ?? [];
      const top = pprof(
        '-top',
        '-nodecount=100000',
        '-nodefraction=0',
        `-sample_index=${type}`,
        ...exact,
        path(kind),
      );
      const printed = topRows(top);
      expect(printed.size).toBeGreaterThan(2);
      expect(printed).toEqual(functionSums(profile, columnOf(profile, type)));
    },
  );

  test.for(kinds)('%s: the same values, frames and times as pprof-format reads', (kind) => {
    const profile = decodeProfile(bytes(kind));
    const other = OtherProfile.decode(gunzipSync(bytes(kind)));
    const signed = (value: number | bigint) => BigInt.asIntN(64, BigInt(value));
    expect([...profile.values]).toEqual(other.sample.flatMap(({ value }) => value.map(signed)));
    expect(profile.timeNanos).toBe(signed(other.timeNanos));
    expect(profile.durationNanos).toBe(signed(other.durationNanos));
    expect(profile.period).toBe(signed(other.period));
    const names = other.stringTable.strings;
    const functions = new Map(other.function.map((f) => [Number(f.id), names[Number(f.name)]]));
    const places = new Map(
      other.location.map((l) => [
        Number(l.id),
        l.line.map(({ functionId }) => functions.get(Number(functionId))),
      ]),
    );
    expect(
      Array.from({ length: profile.samples }, (_, s) => framesOf(profile, s).map((f) => f.name)),
    ).toEqual(
      other.sample.map(({ locationId }) => locationId.flatMap((l) => places.get(Number(l)))),
    );
  });

  test('what pprof.Do set, inlined frames and the window are there', () => {
    const cpu = decodeProfile(bytes('cpu'));
    const all = Array.from({ length: cpu.samples }, (_, s) => s);
    const spinner = all.filter((s) => tagsOf(cpu, s).some((tag) => tag.text === 'spinner'));
    expect(spinner.length).toBeGreaterThan(0);
    expect(tagsOf(cpu, spinner[0] ?? 0)).toEqual([
      { key: 'role', text: 'spinner', number: 0n, unit: '' },
    ]);
    const heap = decodeProfile(bytes('heap'));
    const inlined = Array.from({ length: heap.samples }, (_, s) => framesOf(heap, s))
      .flat()
      .find((frame) => frame.inlined && frame.name === 'main.allocate');
    expect(inlined?.file).toMatch(/takeprofiles\.go$/);
    expect(inlined?.line).toBeGreaterThan(0);
    expect(cpu.durationNanos).toBeGreaterThan(500_000_000n);
    expect(cpu.timeNanos).toBeGreaterThan(1_700_000_000_000_000_000n);
    expect(decodeProfile(bytes('block')).durationNanos).toBe(0n);
    const goroutines = decodeProfile(bytes('goroutine'));
    const parked = Array.from({ length: goroutines.samples }, (_, s) => s).filter(
      (s) => tagsOf(goroutines, s)[0]?.text === 'parked',
    );
    expect(parked.reduce((sum, s) => sum + sampleValue(goroutines, s, 0), 0n)).toBe(5n);
  });

  test('all prefixes of every file are refused, and those of its content but for none', () => {
    for (const kind of kinds) {
      const whole = bytes(kind);
      for (let length = 0; length < whole.length; length++) {
        expect(() => decodeProfile(whole.subarray(0, length)), `${kind}, ${length}`).toThrow();
      }
      const plain = gunzipSync(whole);
      // Every hundredth and so on of a long one: zipping each is what takes the time.
      const step = Math.max(1, Math.floor(plain.length / 1500));
      for (let length = 0; length < plain.length; length += step) {
        const cut = gzipSync(plain.subarray(0, length), { level: 1 });
        expect(() => decodeProfile(cut), `${kind} unzipped, ${length}`).toThrow();
      }
    }
  }, 120_000);

  test('delta, merge and diff keep every sum, and the delta is what pprof -base gives', () => {
    const earlier = decodeProfile(bytes('block-earlier'));
    const later = decodeProfile(bytes('block'));
    const delta = deltaProfile(earlier, later);
    for (const column of [0, 1]) {
      const expected = totalOf(later, column) - totalOf(earlier, column);
      expect(totalOf(delta, column)).toBe(expected);
      expect(expected).toBeGreaterThan(0n);
    }
    expect(delta.durationNanos).toBe(later.timeNanos - earlier.timeNanos);
    const based = topRows(
      pprof(
        '-top',
        '-nodecount=100000',
        '-nodefraction=0',
        '-unit=ns',
        `-base=${path('block-earlier')}`,
        path('block'),
      ),
    );
    const sums = functionSums(delta, columnOf(delta, 'delay'));
    for (const [name, { cumulative }] of based) {
      expect(sums.get(name)?.cumulative ?? 0n, name).toBe(cumulative);
    }
    const back = mergeProfiles([earlier, delta]);
    expect(foldProfile(back, 1)).toEqual(foldProfile(later, 1));
    expect(() => deltaProfile(later, earlier)).toThrow('after the other');
    expect(() => mergeProfiles([later, decodeProfile(bytes('cpu'))])).toThrow('different sample');
  }, 60_000);
});

interface FlatSample {
  values: bigint[];
  /** Leaf first: «function file:line» of each frame. */
  frames: string[];
}

function samplesOf(profile: Profile): FlatSample[] {
  return Array.from({ length: profile.samples }, (_, sample) => ({
    values: profile.sampleTypes.map((_, column) => sampleValue(profile, sample, column)),
    frames: framesOf(profile, sample).map((f) => `${f.name} ${f.file}:${f.line}`),
  }));
}

/** The samples of `go tool pprof -raw`, with the frames of the locations that they name. */
function rawSamples(text: string): FlatSample[] {
  const [head = '', tail = ''] = text.split(/^Locations$/m);
  const places = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of (tail.split(/^Mappings$/m)[0] ?? '').split('\n')) {
    const [, id, frame] = /^\s*(?:(\d+): 0x\w+ (?:M=\d+ )?)?(\S.*?:\d+):\d+ s=\d+/.exec(line) ?? [];
    if (id !== undefined) {
      current = [];
      places.set(id, current);
    }
    if (frame !== undefined) {
      current.push(frame);
    }
  }
  return head.split('\n').flatMap((line): FlatSample[] => {
    const [, values, ids] = /^\s*((?:-?\d+\s+)*-?\d+): ([\d ]+)$/.exec(line) ?? [];
    return values === undefined || ids === undefined
      ? []
      : [
          {
            values: values.trim().split(/\s+/).map(BigInt),
            frames: ids
              .trim()
              .split(' ')
              .flatMap((id) => places.get(id) ?? [`location ${id}?`]),
          },
        ];
  });
}

interface Sums {
  flat: bigint;
  cumulative: bigint;
}

function functionSums(profile: Profile, column: number): Map<string, Sums> {
  const sums = new Map<string, Sums>();
  for (let sample = 0; sample < profile.samples; sample++) {
    const value = sampleValue(profile, sample, column);
    const names = framesOf(profile, sample).map((frame) => frame.name);
    for (const name of new Set(names)) {
      const sum = sums.get(name) ?? { flat: 0n, cumulative: 0n };
      sum.cumulative += value;
      sum.flat += name === names[0] ? value : 0n;
      sums.set(name, sum);
    }
  }
  // pprof leaves out what is 0 altogether: memory that was freed again.
  return new Map([...sums].filter(([, { cumulative }]) => cumulative !== 0n).sort());
}

/** Rows «flat flat% sum% cum cum% name» of `go tool pprof -top`. */
function topRows(text: string): Map<string, Sums> {
  const rows = text.split('\n').flatMap((line): [string, Sums][] => {
    const row =
      /^\s*(-?\d+)(?:ns|B)?\s+\S+%\s+\S+%\s+(-?\d+)(?:ns|B)?\s+\S+%\s{2}(.+?)(?: \(inline\)| \(partial-inline\))?$/.exec(
        line,
      );
    return row === null
      ? []
      : [[row[3] ?? '', { flat: BigInt(row[1] ?? 0), cumulative: BigInt(row[2] ?? 0) }]];
  });
  return new Map(rows.sort());
}
