import { ratioIntervalOf } from '../analyze/interval.ts';
import type { Interval, Measurement } from '../analyze/measurement.ts';
import { metrics } from '../scenario/metric.ts';
import type { Comparison } from './comparison.ts';

/**
 * Every variant against the reference, metric by metric: paired by round, because both met the
 * same neighbours in it, on logarithms, because neighbours multiply times rather than add to them.
 */
export function compareVariants(
  measurements: readonly Measurement[],
  reference: string,
): Comparison[] {
  return measurements
    .filter((measurement) => measurement.variant !== reference)
    .flatMap((measurement) => {
      const base = measurements.find(
        (other) => other.variant === reference && other.metric === measurement.metric,
      );
      return base === undefined ? [] : compareOne(measurement, base);
    });
}

function compareOne(measurement: Measurement, base: Measurement): Comparison[] {
  const { metric, variant } = measurement;
  const ratios = measurement.values.flatMap((value, round) => {
    const other = base.values[round] ?? null;
    return value !== null && other !== null && value > 0 && other > 0 ? [value / other] : [];
  });
  if (ratios.length === 0) {
    return [];
  }
  const ratio = ratioIntervalOf(ratios, `${variant}/${base.variant}/${metric}`);
  return [
    {
      metric,
      variant,
      reference: base.variant,
      ratio,
      direction: directionOf(ratio, metrics[metric].better),
      warnings: [...new Set([...measurement.warnings, ...base.warnings])],
    },
  ];
}

/** A difference that nobody acts on, however surely it is there. */
const equalWithin = 1.01;

function directionOf(ratio: Interval, better: 'lower' | 'higher'): Comparison['direction'] {
  if (ratio.lo === null || ratio.hi === null) {
    return 'undecided';
  }
  if (ratio.lo >= 1 / equalWithin && ratio.hi <= equalWithin) {
    return 'equal';
  }
  if (ratio.lo <= 1 && ratio.hi >= 1) {
    return 'undecided';
  }
  return ratio.hi < 1 === (better === 'lower') ? 'better' : 'worse';
}
