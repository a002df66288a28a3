import * as hdr from 'hdr-histogram-js';
import type { ProbeHistogram } from '../capture/netprobe-result.ts';
import { invalidDataError, messageOf } from '../lib/errors.ts';

/**
 * Decodes HdrHistogram V2 (compressed, base64) blobs and merges them; exact for histograms of
 * equal parameters. Percentiles of several runs must be taken from this, never averaged.
 * @returns undefined for no blobs
 * @throws PollgateError (invalid data) for a blob that is damaged
 */
export function mergeHistograms(blobs: readonly string[]): hdr.Histogram | undefined {
  const [first, ...others] = blobs.map(decode);
  for (const other of others) {
    first?.add(other);
  }
  return first;
}

function decode(blob: string): hdr.Histogram {
  try {
    return hdr.decodeFromCompressedBase64(blob, 64);
  } catch (error) {
    throw invalidDataError(
      `A latency histogram of the run directory cannot be decoded: ${messageOf(error)}`,
      'the run directory is damaged; repeat the run',
    );
  }
}

/**
 * Value at a quantile.
 * @param quantile in [0, 1]
 * @returns null for an empty histogram, whose percentile the library gives as 0
 */
export function valueAt(histogram: hdr.Histogram | undefined, quantile: number): number | null {
  if (histogram === undefined || histogram.totalCount === 0) {
    return null;
  }
  return histogram.getValueAtPercentile(quantile * 100);
}

/**
 * The bucket scheme that netprobe, its Go code and this file share (log-linear-32): values below
 * 32 have a bucket of their own, above that each power of two has 32, so a bucket is at most
 * 1/32 = 3.1 % wide.
 * @returns the half-open range [from, to) of a bucket
 */
export function bucketRange(index: number): { from: number; to: number } {
  if (index < 32) {
    return { from: index, to: index + 1 };
  }
  const octave = (index >> 5) + 4;
  const width = 2 ** (octave - 5);
  const from = (32 + (index & 31)) * width;
  return { from, to: from + width };
}

/** The bucket of a value ≥ 0; see {@link bucketRange}. */
export function bucketIndex(value: number): number {
  if (value < 32) {
    return value;
  }
  const octave = Math.floor(Math.log2(value));
  // Log2 of a value just under a power of two may round up to it.
  const exact = 2 ** octave > value ? octave - 1 : octave;
  return ((exact - 4) << 5) + (Math.floor(value / 2 ** (exact - 5)) & 31);
}

/** Adds histograms of the same scheme. */
export function mergeProbeHistograms(histograms: readonly ProbeHistogram[]): ProbeHistogram {
  const counts = new Map<number, number>();
  for (const [index = 0, count = 0] of histograms.flatMap((h) => h.buckets)) {
    counts.set(index, (counts.get(index) ?? 0) + count);
  }
  const total = (pick: (h: ProbeHistogram) => number) =>
    histograms.reduce((sum, histogram) => sum + pick(histogram), 0);
  return {
    count: total((h) => h.count),
    sum: total((h) => h.sum),
    max: Math.max(0, ...histograms.map((h) => h.max)),
    overflow: total((h) => h.overflow),
    buckets: [...counts].sort((a, b) => a[0] - b[0]),
  };
}

/**
 * Upper end of the bucket that holds the quantile, but never above the largest value seen.
 * @param quantile in (0, 1]
 * @returns null for an empty histogram
 */
export function probeValueAt(histogram: ProbeHistogram, quantile: number): number | null {
  const inBuckets = histogram.buckets.reduce((sum, [, count = 0]) => sum + count, 0);
  if (inBuckets === 0) {
    return null;
  }
  let left = Math.ceil(quantile * (inBuckets + histogram.overflow));
  for (const [index = 0, count = 0] of histogram.buckets) {
    left -= count;
    if (left <= 0) {
      return Math.min(bucketRange(index).to - 1, histogram.max);
    }
  }
  return histogram.max;
}

/**
 * Rows `[from, to, count]` for a chart: the 32 buckets of an octave summed to 8.
 */
export function coarseRows(histogram: ProbeHistogram): number[][] {
  const rows = new Map<number, [number, number, number]>();
  for (const [index = 0, count = 0] of histogram.buckets) {
    const first = index < 32 ? index : index & ~3;
    const last = index < 32 ? index : first + 3;
    const row = rows.get(first) ?? [bucketRange(first).from, bucketRange(last).to, 0];
    row[2] += count;
    rows.set(first, row);
  }
  return [...rows.values()];
}
