import Type, { type Static } from 'typebox';
import { Interval } from '../analyze/measurement.ts';
import { metricIds } from '../scenario/metric.ts';

/** One variant against the reference, paired by round: a finding, never an exit code. */
export const Comparison = Type.Object(
  {
    metric: Type.Enum([...metricIds]),
    variant: Type.String(),
    reference: Type.String(),
    /** variant ÷ reference; above 1 is more of the metric. Null with fewer than 2 paired rounds. */
    ratio: Type.Union([Interval, Type.Null()]),
    /**
     * `equal` where the whole interval lies within 1 % of 1, whatever its sign; otherwise `better`
     * and `worse` only where it excludes 1.
     */
    direction: Type.Enum(['better', 'worse', 'equal', 'undecided']),
    warnings: Type.Array(Type.String()),
  },
  { additionalProperties: false },
);

export type Comparison = Static<typeof Comparison>;
