import { locationInterval } from '../stats/location-interval.ts';
import { seedFromName } from '../stats/random.ts';
import type { Interval } from './measurement.ts';

export const confidence = 0.95;

/**
 * Centre and interval of one value per round.
 * @param values finite numbers, at least one
 * @param name seeds the resampling, so that equal evidence gives equal bytes
 */
export function intervalOf(values: readonly number[], name: string): Interval {
  const n = values.length;
  const [only = Number.NaN] = values;
  if (n < 2) {
    return { center: only, lo: null, hi: null, confidence, n };
  }
  const { center, lo, hi } = locationInterval(values, { confidence, seed: seedFromName(name) });
  return { center, lo, hi, confidence, n };
}

/** The same for a positive quantity whose spread is proportional to it: over its logarithms. */
export function ratioIntervalOf(values: readonly number[], name: string): Interval {
  const interval = intervalOf(values.map(Math.log), name);
  const exp = (value: number | null) => (value === null ? null : Math.exp(value));
  return {
    ...interval,
    center: Math.exp(interval.center),
    lo: exp(interval.lo),
    hi: exp(interval.hi),
  };
}
