import Type, { type Static } from 'typebox';
import { metricIds } from '../scenario/metric.ts';

const strict = { additionalProperties: false } as const;

/** A centre with its two-sided interval over rounds; bounds are null with fewer than 2 rounds. */
export const Interval = Type.Object(
  {
    center: Type.Number(),
    lo: Type.Union([Type.Number(), Type.Null()]),
    hi: Type.Union([Type.Number(), Type.Null()]),
    /** Confidence level of the interval, such as 0.95. */
    confidence: Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }),
    /** Rounds that it stands on. */
    n: Type.Integer({ minimum: 1 }),
  },
  strict,
);

/** One metric of one variant, one value per round; null where a round could not measure it. */
export const Measurement = Type.Object(
  {
    variant: Type.String(),
    metric: Type.Enum([...metricIds]),
    values: Type.Array(Type.Union([Type.Number(), Type.Null()])),
    /** Samples behind the values: requests for latencies and per-request counts. */
    samples: Type.Integer({ minimum: 0 }),
    /** Null where no round has a value. */
    summary: Type.Union([Interval, Type.Null()]),
    source: Type.String({ description: 'Which capture and window it comes from.' }),
    warnings: Type.Array(Type.String()),
  },
  strict,
);

export type Interval = Static<typeof Interval>;
export type Measurement = Static<typeof Measurement>;
