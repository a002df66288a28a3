import Type, { type Static } from 'typebox';
import { Interval } from '../analyze/measurement.ts';
import { Fingerprint } from '../host/host.ts';

const strict = { additionalProperties: false } as const;

/**
 * A committed baseline: baselines/<suite>/<scenario>.json. It changes only by
 * `npm run baseline -- accept`, one line for each changed metric.
 */
export const Baseline = Type.Object(
  {
    schema: Type.Literal(1),
    suite: Type.String(),
    scenario: Type.String(),
    /** Hash of all that makes figures comparable: variants, load, windows. */
    designSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    /** What was measured, so that it can be rebuilt beside the head. */
    revision: Type.String(),
    fingerprint: Fingerprint,
    runs: Type.Array(Type.String(), { minItems: 1 }),
    /** «variant/metric» to one centre per run, base unit. */
    metrics: Type.Record(Type.String(), Type.Array(Type.Number({ minimum: 0 }), { minItems: 1 })),
    /** «variant/reference metric» to the ratio over the rounds of all runs: shown, never a pass. */
    ratios: Type.Record(Type.String(), Interval),
    /** Latency of all runs together by variant: HdrHistogram V2, ns. */
    histograms: Type.Record(Type.String(), Type.String()),
  },
  strict,
);

export type Baseline = Static<typeof Baseline>;
