import Type, { type Static } from 'typebox';
import { Interval } from '../analyze/measurement.ts';
import { Fingerprint } from '../host/host.ts';

const strict = { additionalProperties: false } as const;

/** All of it comes from the runs, so that accepting them again gives the same bytes. */
const Provenance = Type.Object(
  {
    /** Makes the file again. */
    command: Type.String(),
    /** When the oldest and the newest of the runs began; ISO 8601, UTC. */
    from: Type.String(),
    to: Type.String(),
    /** Versions of pollgate that measured. */
    versions: Type.Array(Type.String(), { minItems: 1 }),
    /** Rounds of every run, in the order of `runs`. */
    rounds: Type.Array(Type.Integer({ minimum: 1 }), { minItems: 1 }),
    /** Of the fingerprint: one word to tell two machines apart. */
    hostSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  },
  strict,
);

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
    /** Where its figures come from; absent in files that were accepted before it was recorded. */
    provenance: Type.Optional(Provenance),
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
