import Type, { type Static } from 'typebox';
import { Difference } from '../diagnose/difference.ts';
import { Fingerprint } from '../host/host.ts';
import { UnitFitness } from '../run/gate-record.ts';
import { arms, gateModes } from '../scenario/arm.ts';

const strict = { additionalProperties: false } as const;
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const WorseRatio = Type.Object(
  {
    center: Type.Number({ exclusiveMinimum: 0 }),
    lo: Type.Number({ minimum: 0 }),
    hi: Type.Number({ minimum: 0 }),
    n: Type.Integer({ minimum: 1 }),
  },
  strict,
);

/** Of one round: ln of head ÷ base and of control ÷ base; above 0 is worse, whatever the metric. */
const RoundEffects = Nullable(Type.Object({ head: Type.Number(), control: Type.Number() }, strict));

/** One limit of one scenario and variant, with all that is needed to dispute it. */
export const GateVerdict = Type.Object(
  {
    metric: Type.String(),
    limitPercent: Type.Number({ exclusiveMinimum: 0 }),
    /**
     * Added to both counts before their ratio is formed, since a count may be nothing: beside the
     * limit's share of the count, its share of this is allowed. Absent where nothing is added.
     */
    offset: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
    outcome: Type.Enum([
      'pass',
      'improved',
      'regressed',
      'inconclusive',
      'unmeasurable',
      'incomparable',
      'invalid',
    ]),
    basis: Type.Enum([...gateModes]),
    ratio: Nullable(WorseRatio),
    control: Nullable(WorseRatio),
    p: Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'Against «not above the limit», at the look that decided; adjusted by Holm’s method.',
    }),
    afterRounds: Type.Integer({ minimum: 0 }),
    neededRounds: Nullable(Type.Integer({ minimum: 1 })),
    why: Type.String(),
    /** Medians over the rounds by program, in the sliced windows; base unit of the metric. */
    values: Nullable(
      Type.Object(Object.fromEntries(arms.map((arm) => [arm, Type.Number()])), strict),
    ),
    /** Samples beyond the quantile in the sliced windows, of the program with the fewest; null for what is none. */
    exceedances: Nullable(Type.Integer({ minimum: 0 })),
    /** Every round that was run, the first one first; null for a window without a usable value. */
    rounds: Type.Array(Type.Object({ mixed: RoundEffects, sliced: RoundEffects }, strict)),
  },
  strict,
);

export const GateUnitReport = Type.Object(
  {
    id: Type.String({ description: '«suite/scenario/variant».' }),
    base: Type.String({ description: 'Revision that its head was held against.' }),
    head: Type.String(),
    load: Type.String(),
    rounds: Type.Integer({ minimum: 0 }),
    verdicts: Type.Array(GateVerdict),
    /** Of a unit with a red: what is different between base and head; absent where nobody looked. */
    difference: Type.Optional(Difference),
    /** Why nobody looked at a red, or what was left cannot be read. */
    unexplained: Type.Optional(Type.String()),
  },
  strict,
);

/** What `npm run gate` has found; a renderer is a function of this and of nothing else. */
export const GateReport = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    command: Type.String(),
    startedAt: Type.String(),
    durationNs: Type.Integer({ minimum: 0 }),
    base: Type.String({
      description: 'Revision that the head of the first unit was held against.',
    }),
    against: Type.String({
      description: 'Which comparison the verdicts stand on, and what the base is.',
    }),
    head: Type.String(),
    dirty: Type.Boolean(),
    outcome: Type.String(),
    exitCode: Type.Integer({ minimum: 0, maximum: 255 }),
    headline: Type.String(),
    compared: Type.Integer({ minimum: 0 }),
    limits: Type.Integer({ minimum: 0 }),
    units: Type.Array(GateUnitReport),
    warnings: Type.Array(Type.String()),
    fingerprint: Fingerprint,
    fitness: Type.Array(UnitFitness),
  },
  strict,
);

export type GateVerdict = Static<typeof GateVerdict>;
export type GateUnitReport = Static<typeof GateUnitReport>;
export type GateReport = Static<typeof GateReport>;
