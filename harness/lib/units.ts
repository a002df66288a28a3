/**
 * From stored base units (ns, counts, per second) to text for people: three significant digits,
 * one unit for a value and its interval. Nothing here is ever read back.
 */

export type Unit = 'ns' | 'count' | 'bytes' | 'perSec';

/** What is printed where there is no number; never 0, which would be one. */
export const noValue = '–';

/** A centre with bounds that may be missing; see `Interval` in harness/analyze. */
export interface Bounded {
  center: number;
  lo: number | null;
  hi: number | null;
}

interface Scale {
  factor: number;
  /** Printed directly after the number, with its space if it wants one. */
  suffix: string;
}

const scales: Record<Unit, readonly [Scale, ...Scale[]]> = {
  ns: [
    { factor: 1, suffix: ' ns' },
    { factor: 1e3, suffix: ' µs' },
    { factor: 1e6, suffix: ' ms' },
    { factor: 1e9, suffix: ' s' },
  ],
  count: [
    { factor: 1, suffix: '' },
    { factor: 1e3, suffix: ' k' },
    { factor: 1e6, suffix: ' M' },
    { factor: 1e9, suffix: ' G' },
  ],
  bytes: [
    { factor: 1, suffix: ' B' },
    { factor: 2 ** 10, suffix: ' KiB' },
    { factor: 2 ** 20, suffix: ' MiB' },
    { factor: 2 ** 30, suffix: ' GiB' },
  ],
  perSec: [
    { factor: 1, suffix: '/s' },
    { factor: 1e3, suffix: ' k/s' },
    { factor: 1e6, suffix: ' M/s' },
    { factor: 1e9, suffix: ' G/s' },
  ],
};

/** `formatNs(61234)` is "61.2 µs". */
export function formatNs(ns: number | null): string {
  return formatValue(ns, 'ns');
}

/** A measured count, such as calls per request: "2.04", "12.3 k". */
export function formatCount(count: number | null): string {
  return formatValue(count, 'count');
}

/** A rate per second: "4.00 k/s". */
export function formatRate(perSec: number | null): string {
  return formatValue(perSec, 'perSec');
}

export function formatValue(value: number | null, unit: Unit): string {
  if (value === null || !Number.isFinite(value)) {
    return noValue;
  }
  const { factor, suffix } = scaleFor(value, unit);
  return `${value === 0 ? '0' : significant(value / factor)}${suffix}`;
}

/** Value with its interval in one unit: "61.2 µs [60.1, 62.4]"; without bounds the value alone. */
export function formatInterval(interval: Bounded | null, unit: Unit): string {
  if (interval === null) {
    return noValue;
  }
  const bounds = formatBounds(interval, unit);
  return `${formatValue(interval.center, unit)}${bounds === '' ? '' : ` ${bounds}`}`;
}

/** The bounds alone, in the unit of the centre: "[60.1, 62.4]"; empty without bounds. */
export function formatBounds(interval: Bounded, unit: Unit): string {
  const { factor } = scaleFor(interval.center, unit);
  return bracket(interval, (value) => significant(value / factor));
}

/** "×1.31 [1.28, 1.35]"; without bounds the ratio alone. */
export function formatRatio(ratio: Bounded | null): string {
  if (ratio === null || !Number.isFinite(ratio.center)) {
    return noValue;
  }
  const bounds = bracket(ratio, significant);
  return `×${significant(ratio.center)}${bounds === '' ? '' : ` ${bounds}`}`;
}

/** Share of a whole: "12.3 %"; no value where the whole is nothing. */
export function formatShare(part: number, whole: number): string {
  return whole > 0 && Number.isFinite(part) ? `${significant((100 * part) / whole)} %` : noValue;
}

/** A count that is exact and stays so: "24,000". */
export function formatInteger(count: number): string {
  const [digits = '', fraction] = String(count).split('.');
  const grouped = digits.replace(/\B(?=(\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** How long a person waited: "850 ms", "42.1 s", "3 min 20 s". */
export function formatDuration(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  if (seconds < 60) {
    return formatNs(ns);
  }
  return `${formatInteger(Math.floor(seconds / 60))} min ${seconds % 60} s`;
}

/** Three significant digits without an exponent: 0.00412, 9.87, 61.2, 12,300. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) {
    return noValue;
  }
  // Rounded first, so that 99.96 becomes 100 and not 100.0.
  const rounded = Number(value.toPrecision(3));
  if (rounded === 0) {
    return '0';
  }
  const decimals = 2 - Math.floor(Math.log10(Math.abs(rounded)));
  return decimals > 0 ? rounded.toFixed(Math.min(decimals, 100)) : formatInteger(rounded);
}

function scaleFor(value: number, unit: Unit): Scale {
  const [base, ...larger] = scales[unit];
  const rounded = Math.abs(Number(value.toPrecision(3)));
  return larger.findLast((scale) => rounded >= scale.factor) ?? base;
}

/** An interval wider than this factor says only that there were too few rounds. */
const uselesslyWide = 100;

function bracket({ lo, hi }: Bounded, format: (value: number) => string): string {
  if (lo === null || hi === null) {
    return '';
  }
  const wide = lo > 0 && hi / lo > uselesslyWide;
  return wide ? `[wider than ×${uselesslyWide}]` : `[${format(lo)}, ${format(hi)}]`;
}
