/**
 * Charts as data. Everything that needs a decision (scales, ticks, labels, what a point says) is
 * decided here, where it can be tested; the script in the page only draws.
 */

export interface Tick {
  /** Position in axis coordinates. */
  at: number;
  label: string;
  /** Where room is short the highest ranks lose their label first. */
  rank: 0 | 1 | 2;
}

export interface Axis {
  label: string;
  /** Ends in axis coordinates: the logarithm of the value for a log axis. */
  min: number;
  max: number;
  ticks: Tick[];
}

/** Axis coordinates; `lo` and `hi` bound an interval, `label` is what the read-out says. */
export interface Point {
  x: number;
  y: number;
  lo?: number;
  hi?: number;
  /** Right edge of a step. */
  to?: number;
  label: string;
}

export interface Series {
  name: string;
  /** Index of the variant: colour, dash and marker shape. */
  variant: number;
  points: Point[];
  /** A horizontal line over the whole width with its band: the centre of all rounds. */
  level?: { y: number; lo?: number; hi?: number };
  /** A vertical line: a quantile of a distribution. */
  mark?: { x: number; label: string };
}

export interface Chart {
  /** Unique in its panel. */
  id: string;
  kind: 'line' | 'dots' | 'steps';
  title: string;
  /** Below the title: unit, n, what the band is. */
  subtitle: string;
  x: Axis;
  y: Axis;
  series: Series[];
  /** Large charts take the whole width. */
  size: 'large' | 'small';
}

/** A log axis over positive values, ends a little outside them. */
export function logAxis(label: string, values: number[], format: (v: number) => string): Axis {
  const positive = values.filter((value) => value > 0 && Number.isFinite(value));
  const low = Math.log10(Math.min(...positive));
  const high = Math.log10(Math.max(...positive));
  const pad = Math.max(0.02, (high - low) * 0.04);
  const min = low - pad;
  const max = high + pad;
  return { label, min, max, ticks: logTicks(min, max, format) };
}

/** A linear axis from zero, or from about the lowest value where zero would flatten the data. */
export function linearAxis(label: string, values: number[], format: (v: number) => string): Axis {
  const finite = values.filter(Number.isFinite);
  const low = Math.min(...finite, 0);
  const high = Math.max(...finite);
  const max = high > low ? high + (high - low) * 0.06 : low + 1;
  return { label, min: low, max, ticks: linearTicks(low, max, format) };
}

/** Log where all values are positive and spread, otherwise linear from zero. */
export function valueAxis(label: string, values: number[], format: (v: number) => string): Axis {
  return values.every((value) => value > 0)
    ? logAxis(`${label}, log scale`, values, format)
    : linearAxis(label, values, format);
}

/** Whether positions on the axis made by `valueAxis` are logarithms. */
export function valueToAxis(values: number[]): (value: number) => number {
  return values.every((value) => value > 0) ? Math.log10 : (value) => value;
}

const mantissas: readonly { value: number; rank: Tick['rank'] }[] = [
  { value: 1, rank: 0 },
  { value: 2, rank: 1 },
  { value: 3, rank: 2 },
  { value: 5, rank: 1 },
];

/** Ticks at 1, 2, 3 and 5 of each decade; evenly spaced ones where the axis is too short for those. */
export function logTicks(min: number, max: number, format: (v: number) => string): Tick[] {
  const ticks: Tick[] = [];
  for (let decade = Math.floor(min); decade <= Math.ceil(max); decade++) {
    for (const { value, rank } of mantissas) {
      const at = Math.log10(value) + decade;
      if (at >= min && at <= max) {
        ticks.push({ at: tidy(at), label: format(tidy(10 ** at)), rank });
      }
    }
  }
  if (ticks.length >= 4) {
    return ticks;
  }
  return linearTicks(10 ** min, 10 ** max, format).map((tick) => ({
    ...tick,
    at: tidy(Math.log10(tick.at)),
  }));
}

/** About five ticks at multiples of 1, 2 or 5. */
export function linearTicks(min: number, max: number, format: (v: number) => string): Tick[] {
  const step = niceStep((max - min) / 5);
  const ticks: Tick[] = [];
  for (let index = Math.ceil(min / step); index * step <= max; index++) {
    const value = tidy(index * step);
    ticks.push({ at: value, label: format(value), rank: index % 2 === 0 ? 0 : 1 });
  }
  return ticks;
}

function niceStep(rough: number): number {
  const decade = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5].find((candidate) => candidate * decade >= rough) ?? 10;
  return factor * decade;
}

/** Quantiles on a scale of nines: each further nine is one step. `quantile` must be below 1. */
export function nines(quantile: number): number {
  return tidy(-Math.log10(1 - quantile));
}

const quantileTicks: readonly [number, Tick['rank']][] = [
  [0, 1],
  [0.5, 0],
  [0.75, 2],
  [0.9, 0],
  [0.99, 0],
  [0.999, 0],
  [0.9999, 1],
  [0.99999, 2],
  [0.999999, 2],
];

/** The axis of nines up to the largest of `quantiles` (all below 1). */
export function ninesAxis(label: string, quantiles: number[]): Axis {
  const max = Math.max(1, ...quantiles.map(nines));
  const ticks = quantileTicks
    .map(([quantile, rank]) => ({ at: nines(quantile), label: quantileLabel(quantile), rank }))
    .filter((tick) => tick.at <= max + 1e-9);
  return { label, min: 0, max, ticks };
}

/** "p50", "p99.9", "min" and "max". */
export function quantileLabel(quantile: number): string {
  if (quantile <= 0) {
    return 'min';
  }
  return quantile >= 1 ? 'max' : `p${tidy(quantile * 100)}`;
}

/** Drops the noise of binary fractions, so that equal inputs print equal bytes everywhere. */
export function tidy(value: number): number {
  return Number(value.toPrecision(10));
}

/** "12.5 %" for a tick of a share axis. */
export function percentLabel(percent: number): string {
  return `${tidy(percent)} %`;
}
