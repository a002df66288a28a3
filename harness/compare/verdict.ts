import Type, { type Static } from 'typebox';
import { Interval } from '../analyze/measurement.ts';

const strict = { additionalProperties: false } as const;

export const outcomes = [
  'pass',
  'improved',
  'regressed',
  'over-budget',
  'expectation-broken',
  'budget-warning',
  'inconclusive',
  'unmeasurable',
  'incomparable',
  'invalid',
] as const;

/** The judgement of one gated metric of one variant, with all that is needed to dispute it. */
export const Verdict = Type.Object(
  {
    variant: Type.String(),
    /** Metric id, or the cause for an expectation. */
    subject: Type.String(),
    /** `regression`: against the baseline; `budget`: against a limit; `expectation`: findings. */
    kind: Type.Enum(['regression', 'budget', 'expectation']),
    outcome: Type.Enum([...outcomes]),
    /**
     * Which comparison a regression's verdict stands on: `absolute` times of one fingerprint, or an
     * `exact-count` of any machine. Absent where nothing could be compared, and of other kinds.
     */
    basis: Type.Optional(Type.Enum(['absolute', 'exact-count'])),
    expected: Type.String(),
    found: Type.String(),
    /** Head ÷ baseline for a regression; null elsewhere or where it cannot be formed. */
    ratio: Type.Union([Interval, Type.Null()]),
    /** Values of all rounds, base unit. */
    values: Type.Array(Type.Union([Type.Number(), Type.Null()])),
    /** What to do about it; empty for pass and improved. */
    advice: Type.String(),
  },
  strict,
);

export type Outcome = (typeof outcomes)[number];
export type Verdict = Static<typeof Verdict>;
