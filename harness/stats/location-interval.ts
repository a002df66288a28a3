import { mean, sampleStandardDeviation } from 'simple-statistics';
import { type BootstrapInterval, type BootstrapOptions, bootstrapInterval } from './bootstrap.ts';
import { hodgesLehmann } from './hodges-lehmann.ts';
import { studentTQuantile } from './student-t.ts';

/** Below this the bootstrap has too few distinct resamples to be trusted alone. */
const fewRounds = 6;

/**
 * Centre (Hodges–Lehmann) of values from independent rounds with a two-sided interval.
 * With under 6 values the wider of bootstrap and Student's t interval is taken on each side: by
 * simulation the bootstrap alone covers 73 % instead of 95 % with 3 values, and 93 % with 5.
 * @param values at least 2 finite numbers; logarithms where the quantity is a ratio
 */
export function locationInterval(
  values: readonly number[],
  options: BootstrapOptions,
): BootstrapInterval {
  const interval = bootstrapInterval(values, hodgesLehmann, options);
  if (values.length >= fewRounds) {
    return interval;
  }
  const t = studentTQuantile(1 - (1 - options.confidence) / 2, values.length - 1);
  const half = (t * sampleStandardDeviation([...values])) / Math.sqrt(values.length);
  const middle = mean([...values]);
  return {
    center: interval.center,
    lo: Math.min(interval.lo, middle - half),
    hi: Math.max(interval.hi, middle + half),
  };
}
