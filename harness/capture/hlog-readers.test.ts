import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as hdr from 'hdr-histogram-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { binaryPath, buildPrograms, fixturesModule, type Program } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { cacheDir } from '../lib/paths.ts';
import { randomIntegers } from '../stats/random.ts';

// Logs that Go has written (hdrhistogram-go, as in loadgen) say the same to readers that we did not
// write: hdr-histogram-js, and the Python port, which has no code in common with the other two.

const timeout = 180_000;
const run = promisify(execFile);
const hlog: Program = {
  name: 'hlog',
  moduleDir: fixturesModule,
  package: './cmd/hlog',
  netpoller: 'epoll',
};
const highestNs = 60_000_000_000;
const percentiles = [50, 90, 99, 99.9];

interface Figures {
  total: number;
  min: number;
  max: number;
  percentiles: Record<string, number>;
  /** Index of a bucket and its count, ascending, without empty ones. */
  counts: [number, number][];
}

function newHistogram(): hdr.JsHistogram {
  return hdr.build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestNs,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 64,
    useWebAssembly: false,
  }) as hdr.JsHistogram;
}

function figuresOf(h: hdr.JsHistogram): Figures {
  const counts = Array.from({ length: h.countsArrayLength }, (_, index): [number, number] => [
    index,
    h.getCountAtIndex(index),
  ]);
  return {
    total: h.totalCount,
    // The ends of their buckets, which is all that an encoded histogram knows.
    min: h.lowestEquivalentValue(h.minNonZeroValue),
    max: h.nextNonEquivalentValue(h.maxValue) - 1,
    percentiles: Object.fromEntries(percentiles.map((p) => [p, h.getValueAtPercentile(p)])),
    counts: counts.filter(([, count]) => count > 0),
  };
}

/** Latencies over ten decades, with many at the ends of the range. */
function samples(seed: bigint, count: number): number[] {
  const below = randomIntegers(seed);
  const special = [1, 2, 2047, 2048, highestNs - 1, highestNs];
  return Array.from({ length: count }, () =>
    below(10) === 0
      ? (special[below(special.length)] ?? 1)
      : Math.min(Math.floor(10 ** (below(10_800) / 1000)), highestNs),
  );
}

/** Counts that make every rank a whole number: the libraries round broken ones differently. */
const perTag = {
  'epoll.observed.latency': 40_000,
  'epoll.observed.receiveLag': 1_000,
  'a-b.c.sendLag': 2_000,
};
const shardCount = 5;
const seconds = 4;

let dir = '';
let merged = '';
const union = new Map<string, Figures>();

beforeAll(async () => {
  await buildPrograms(await findGo(), [hlog], () => {});
  dir = await mkdtemp(join(tmpdir(), 'pollgate-hlog-'));
  merged = join(dir, 'merged.hlog');
  const lines: string[][] = Array.from({ length: shardCount }, () => []);
  for (const [index, [tag, count]] of Object.entries(perTag).entries()) {
    const values = samples(BigInt(index), count);
    const all = newHistogram();
    const parts = Array.from({ length: shardCount * seconds }, newHistogram);
    for (const [at, value] of values.entries()) {
      all.recordValue(value);
      parts[at % parts.length]?.recordValue(value);
    }
    union.set(tag, figuresOf(all));
    for (const [at, part] of parts.entries()) {
      const blob = hdr.encodeIntoCompressedBase64(part);
      const start = (1.5 + Math.floor(at / shardCount)).toFixed(6);
      lines[at % shardCount]?.push(`Tag=${tag},${start},1.000000,0.000000,${blob}`);
    }
  }
  const shards = lines.map((_, index) => join(dir, `${index}.hlog`));
  for (const [index, path] of shards.entries()) {
    const head = ['#[histogram values in ns]', '#[StartTime: 1790000000 (seconds since epoch), x]'];
    await writeFile(path, `${[...head, ...(lines[index] ?? [])].join('\n')}\n`);
  }
  await run(binaryPath(hlog), ['merge', '--out', merged, ...shards]);
}, timeout);
afterAll(() => rm(dir, { recursive: true, force: true }));

test('hdr-histogram-js reads what Go has merged and written as the union of all values', async () => {
  const reader = new hdr.HistogramLogReader(await readFile(merged, 'utf8'), 64);
  const totals = new Map<string, hdr.JsHistogram>();
  let lines = 0;
  for (let h = reader.nextIntervalHistogram(); h !== null; h = reader.nextIntervalHistogram()) {
    const total = totals.get(h.tag) ?? newHistogram();
    totals.set(h.tag, total);
    total.add(h as hdr.JsHistogram);
    expect([1500, 2500, 3500, 4500]).toContain(
      Math.round(h.startTimeStampMsec - 1_790_000_000_000),
    );
    lines++;
  }
  expect(lines).toBe(seconds * Object.keys(perTag).length);
  expect(new Map([...totals].map(([tag, h]) => [tag, figuresOf(h)]))).toEqual(union);
});

test('the Python port reads the same', { timeout }, async ({ skip }) => {
  const { python, missing } = await pythonWithHdr();
  skip(missing !== undefined, `needs: ${missing}`);
  const script = join(import.meta.dirname, 'hlog-readers.py');
  const { stdout } = await run(python, [script, merged, ...percentiles.map(String)], {
    maxBuffer: 1 << 26,
  });
  expect(new Map(Object.entries(JSON.parse(stdout)))).toEqual(union);
});

test('Go’s own percentile files say the same', async () => {
  const out = join(dir, 'percentiles');
  await run(binaryPath(hlog), ['percentiles', '--out', out, merged]);
  for (const [tag, figures] of union) {
    const text = await readFile(join(out, `${tag}.hgrm`), 'utf8');
    const rows = text
      .split('\n')
      .slice(2)
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.trim().split(/ +/).map(Number));
    const valueAt = (quantile: number) => rows.find(([, q]) => q === quantile)?.[0];
    expect(rows[0]?.[0]).toBe(figures.min / 1000);
    expect([valueAt(0.5), valueAt(1)]).toEqual(
      [figures.percentiles['50'], figures.max].map((ns = 0) => ns / 1000),
    );
    expect(rows.at(-1)?.[2]).toBe(figures.total);
  }
});

const hdrVersion = '0.10.8';

/** A Python with the pinned library, made once in .cache; or what the machine lacks for it. */
async function pythonWithHdr(): Promise<{ python: string; missing?: string }> {
  const home = join(cacheDir, `python-hdrhistogram-${hdrVersion}`);
  const python = join(home, 'bin', 'python3');
  const ready = join(home, 'ready');
  if (await isThere(ready)) {
    return { python };
  }
  await mkdir(cacheDir, { recursive: true });
  await rm(home, { recursive: true, force: true });
  try {
    await run('python3', ['-m', 'venv', home]);
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout?: string; stderr?: string };
    if (code === 'ENOENT') {
      return { python, missing: 'python3' };
    }
    if (/ensurepip|No module named/.test(`${stdout}${stderr}`)) {
      return { python, missing: 'pip in python3 -m venv (Debian: python3-venv)' };
    }
    throw error;
  }
  const install = ['-m', 'pip', 'install', '--no-input', '--quiet', '--disable-pip-version-check'];
  const cache = ['--cache-dir', join(cacheDir, 'pip')];
  try {
    await run(python, [...install, ...cache, `hdrhistogram==${hdrVersion}`]);
  } catch (error) {
    // What pip says where no index answers; where one does, it lists the versions that it has.
    if (/\(from versions: none\)|ConnectionError|NewConnectionError/.test(String(error))) {
      return { python, missing: 'a Python package registry that pip can reach' };
    }
    throw error;
  }
  await writeFile(`${ready}.partial`, '');
  await rename(`${ready}.partial`, ready);
  return { python };
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
