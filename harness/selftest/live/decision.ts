import Type, { type Static } from 'typebox';
import { mergeGateMetrics } from '../../scenario/meaning.ts';
import { knobs, liveWorlds } from './knobs.ts';

const strict = { additionalProperties: false } as const;
const Positive = Type.Number({ exclusiveMinimum: 0 });

/** What a knob does to a program that runs alone: with ÷ without, and its 95 % interval. */
export const AloneEffect = Type.Object(
  {
    ratio: Positive,
    lo: Positive,
    hi: Positive,
    /** Pairs of runs, one with and one without. */
    pairs: Type.Integer({ minimum: 2 }),
  },
  strict,
);

const Outcome = Type.Object(
  {
    outcome: Type.Enum([
      ...['pass', 'improved', 'regressed', 'inconclusive', 'unmeasurable', 'invalid'],
    ]),
    limitPercent: Positive,
    /** Head ÷ base with its 95 % interval: centre, low, high; null where there were too few values. */
    ratio: Type.Union([Type.Array(Positive, { minItems: 3, maxItems: 3 }), Type.Null()]),
  },
  strict,
);

/** One decision of the real gate on equal code: a line of log.jsonl. */
export const LiveDecision = Type.Object(
  {
    schema: Type.Literal(1),
    /** When it began, ISO 8601, UTC. */
    date: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$' }),
    /** Of base and head both. */
    revision: Type.String({ pattern: '^[0-9a-f]{40,64}$' }),
    world: Type.Enum([...liveWorlds]),
    knob: Type.Enum(knobs.map(({ name }) => name)),
    /** Equal for machines of equal fingerprints. */
    host: Type.String({ pattern: '^[0-9a-f]{12}$' }),
    /** «suite/scenario/variant». */
    scenario: Type.String({ minLength: 1 }),
    rounds: Type.Integer({ minimum: 1 }),
    /** Share of the CPU time that the hypervisor took meanwhile. */
    steal: Type.Number({ minimum: 0, maximum: 1 }),
    /** By metric that has a limit. */
    outcomes: Type.Partial(Type.Record(Type.Enum([...mergeGateMetrics]), Outcome), strict),
    /** By metric: what the knob does alone, measured in the same session; absent without a knob. */
    alone: Type.Optional(Type.Record(Type.String(), AloneEffect)),
  },
  strict,
);

export type AloneEffect = Static<typeof AloneEffect>;
export type LiveDecision = Static<typeof LiveDecision>;
