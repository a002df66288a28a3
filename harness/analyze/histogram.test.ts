import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { expect, test } from 'vitest';
import type { ProbeHistogram } from '../capture/netprobe-result.ts';
import { readJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { randomIntegers } from '../stats/random.ts';
import { hdrBlob } from '../test/evidence.ts';
import {
  bucketIndex,
  bucketRange,
  coarseRows,
  mergeHistograms,
  mergeProbeHistograms,
  probeValueAt,
  valueAt,
} from './histogram.ts';

/** The same table binds the C macros and the Go reader (bpf/include, bpf/internal/hist). */
const Vectors = Type.Object({
  bucketScheme: Type.Literal('log-linear-32'),
  slots: Type.Integer(),
  rows: Type.Array(
    Type.Object({ value: Type.String(), index: Type.Integer(), lowerBound: Type.String() }),
    { minItems: 100 },
  ),
});
const vectors = await readJson(join(rootDir, 'bpf', 'include', 'histogram-vectors.json'), Vectors, {
  remedy: 'the vectors of the bucket scheme belong to the repository',
});

test('every bucket begins where C and Go say', () => {
  for (const { index, lowerBound } of vectors.rows) {
    expect([index, BigInt(bucketRange(index).from)]).toEqual([index, BigInt(lowerBound)]);
  }
});

test('every value that a number holds exactly falls into the bucket that C and Go say', () => {
  const exact = vectors.rows.filter(({ value }) => Number.isSafeInteger(Number(value)));
  expect(exact.length).toBeGreaterThan(200);
  for (const { value, index } of exact) {
    expect([value, bucketIndex(Number(value))]).toEqual([value, index]);
  }
});

test('a value lies in its bucket, and no bucket is wider than 3.2 % of it', () => {
  const below = randomIntegers(11n);
  for (let i = 0; i < 20_000; i++) {
    const value = Math.floor(2 ** (below(53 * 64) / 64)) + below(32);
    const { from, to } = bucketRange(bucketIndex(value));
    expect(from <= value && value < to, `${value} in [${from}, ${to})`).toBe(true);
    expect(to - from).toBeLessThanOrEqual(Math.max(1, 0.032 * value));
  }
});

test('buckets lie end to end', () => {
  for (let index = 0; index < 48 * 32; index++) {
    expect(bucketRange(index).to).toBe(bucketRange(index + 1).from);
  }
});

function probeHistogram(values: readonly number[]): ProbeHistogram {
  const counts = new Map<number, number>();
  for (const value of values) {
    const index = bucketIndex(value);
    counts.set(index, (counts.get(index) ?? 0) + 1);
  }
  return {
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    max: Math.max(0, ...values),
    overflow: 0,
    buckets: [...counts].sort((a, b) => a[0] - b[0]),
  };
}

/** Latencies over six decades. */
function samples(seed: bigint, count: number): number[] {
  const below = randomIntegers(seed);
  return Array.from({ length: count }, () => Math.floor(10 ** (below(6000) / 1000)));
}

test('a quantile is the sample of that rank, or up to one bucket above it', () => {
  for (const count of [1, 2, 3, 100, 1_000]) {
    const sorted = samples(BigInt(count), count).sort((a, b) => a - b);
    const histogram = probeHistogram(sorted);
    for (const quantile of [0.001, 0.5, 0.9, 0.99, 0.999, 1]) {
      const sample = sorted[Math.ceil(quantile * count) - 1] ?? Number.NaN;
      const value = probeValueAt(histogram, quantile) ?? Number.NaN;
      expect(value).toBeGreaterThanOrEqual(sample);
      expect(value).toBeLessThan(bucketRange(bucketIndex(sample)).to);
      expect(value).toBeLessThanOrEqual(histogram.max);
    }
  }
});

test('merged histograms are the histogram of all values', () => {
  const [a, b, c] = [samples(1n, 300), samples(2n, 17), samples(3n, 1_000)];
  const merged = mergeProbeHistograms([a, b, c].map(probeHistogram));
  expect(merged).toEqual(probeHistogram([...a, ...b, ...c]));
  expect(mergeProbeHistograms([merged])).toEqual(merged);
});

test('an empty histogram has no quantile, and not 0', () => {
  expect(mergeProbeHistograms([])).toEqual(probeHistogram([]));
  expect(probeValueAt(probeHistogram([]), 0.99)).toBeNull();
  expect(valueAt(mergeHistograms([]), 0.99)).toBeNull();
  expect(valueAt(mergeHistograms([hdrBlob([])]), 0.99)).toBeNull();
});

test('values that fell out of the buckets stand at the far end', () => {
  const histogram = { ...probeHistogram([10, 20, 30]), overflow: 3, count: 6, max: 9e15 };
  expect(probeValueAt(histogram, 0.5)).toBe(30);
  expect(probeValueAt(histogram, 0.99)).toBe(9e15);
});

test('rows for a chart keep every event and lie within the buckets', () => {
  const values = samples(4n, 2_000);
  const rows = coarseRows(probeHistogram(values));
  expect(rows.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(values.length);
  for (const [from = 0, to = 0, count] of rows) {
    expect(values.filter((value) => from <= value && value < to)).toHaveLength(count ?? -1);
  }
});

// Written by go-fixtures/cmd/loadgen (hdrhistogram-go): 1 s of hello-http at 120 requests per second,
// seed 7. The figures are those of the same load.json, by the Go library.
const fromGo =
  'HISTFAAAAQV42izNoatTcRwF8N/3c+99YzwvL1xkPHQ8dFwWxuOF8TCJmAxiMD3bggguiJiGLFg0iGksGRaWhpjEtDSWl2TBsL9BFCwWQcY85cCBD+fm22mVUtxOh2T/O1JK5Z8HT9K9X4fhx3OT3C6syCSFh3o+hc/h0tgynHkfFuEvIx0Np1660NVQKxxrylzX41RpKGk790jLa5Xau5D2vq9w4oT7evkdLUnTLa/0OXOl6VjhXGWgo6NSuqvl0g1tfc8MjSQfwyTTdmXGwDw3Cx9o6Fra34099cIqbPmZeay2DdPQ9cbvsMttwpxNvhe1L7nS+sgms+bC4ppvue9HvvIvAAD//6CfMK0=';

test('a blob of the Go load generator gives the generator’s own quantiles', () => {
  const histogram = mergeHistograms([fromGo]);
  expect(histogram?.totalCount).toBe(128);
  expect([0.5, 0.99, 0.999, 1].map((quantile) => valueAt(histogram, quantile))).toEqual([
    235_263, 20_840_447, 23_379_967, 23_379_967,
  ]);
  expect(histogram?.minNonZeroValue).toBe(50_912);
});

test('a rank between two samples is rounded up; the Go library rounds it to the nearest', () => {
  // 0.9 · 128 = 115.2: sample 116 here, sample 115 (2,516,991 ns) in the generator's summary.
  expect(valueAt(mergeHistograms([fromGo]), 0.9)).toBe(3_121_151);
  expect(valueAt(mergeHistograms([fromGo]), 115 / 128)).toBe(2_516_991);
});

test('HDR histograms merge exactly', () => {
  const fast = hdrBlob([[1_000, 90]]);
  const slow = hdrBlob([[50_000, 10]]);
  const merged = mergeHistograms([fast, slow]);
  expect(merged?.totalCount).toBe(100);
  expect(valueAt(merged, 0.9)).toBe(1_000);
  // 50,000 shares its bucket of 32 with the values up to 50,015.
  expect(valueAt(merged, 0.91)).toBe(50_015);
  expect(mergeHistograms([fromGo, fromGo])?.totalCount).toBe(256);
  // The argument is not changed by a merge.
  expect(mergeHistograms([fast])?.totalCount).toBe(90);
});

test('a blob that is not whole is refused', () => {
  const half = Buffer.from(fromGo, 'base64').subarray(0, 120).toString('base64');
  expect(() => mergeHistograms([half])).toThrow();
  expect(() => mergeHistograms(['not a histogram'])).toThrow();
});

test('the vectors say what their file says', async () => {
  const text = await readFile(join(rootDir, 'bpf', 'include', 'histogram.bpf.h'), 'utf8');
  expect(text).toContain(`#define HISTOGRAM_SLOTS ${vectors.slots}`);
});
