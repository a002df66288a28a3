import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { ArmBuild, Letter } from '../build/arm-builds.ts';
import { Fingerprint, Fitness } from '../host/host.ts';
import { GatePlan, unitName } from '../plan/gate-plan.ts';
import { Arm } from '../scenario/arm.ts';
import { Edges, ServerRecord } from './run-record.ts';

const strict = { additionalProperties: false } as const;
const Revision = Type.String({ pattern: '^([0-9a-f]{40,64}|unknown)$' });

function byArm<T extends Type.TSchema>(value: T) {
  return Type.Object({ base: value, control: value, head: value }, strict);
}

/**
 * Where everything of a gate's run lies.
 *
 *   gate.json                                              GateRecord
 *   <suite>/<scenario>/<variant>/round-01/gate-round.json  GateRound, written last
 *   <suite>/<scenario>/<variant>/round-01/load.json, …     what the generator did
 *   why/<suite>/<scenario>/<variant>/head/diag.json, …     of a red: what go-io-diag.sh saw of it alone
 */
export const gateFiles = {
  record: (runDir: string) => join(runDir, 'gate.json'),
  roundDir: (runDir: string, plan: GatePlan, round: number) =>
    join(runDir, unitName(plan), `round-${String(round).padStart(2, '0')}`),
  whyDir: (runDir: string, plan: GatePlan, arm: Arm) => join(runDir, 'why', unitName(plan), arm),
  /** Relative to the round's folder. */
  round: 'gate-round.json',
} as const;

/** What the harness saw in one round of three programs. */
export const GateRound = Type.Object(
  {
    schema: Type.Literal(1),
    /** Of the run that it belongs to: rounds of another with the same seed look alike. */
    runId: Type.String(),
    round: Type.Integer({ minimum: 1 }),
    order: Type.Array(Arm, { minItems: 3, maxItems: 3 }),
    servers: byArm(ServerRecord),
    /** Server state at the edges of both windows. */
    windows: Type.Object({ mixed: byArm(Edges), sliced: byArm(Edges) }, strict),
  },
  strict,
);

/** The machine around the rounds of one unit. */
export const UnitFitness = Type.Object(
  {
    unit: Type.String(),
    before: Fitness,
    after: Fitness,
  },
  strict,
);

/** Who compared what with what where: gate.json, written when a run begins and whenever it changes. */
export const GateRecord = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    /** The command that repeats this run. */
    command: Type.String(),
    startedAt: Type.String({ description: 'ISO 8601, UTC; a label, never used for a duration.' }),
    durationNs: Type.Integer({ minimum: 0 }),
    status: Type.Enum(['running', 'complete', 'interrupted', 'failed']),
    /** Why a failed run failed, in words; empty otherwise. */
    failure: Type.String(),
    /** Exit code that the failure or interruption asks for; 0 for a complete run. */
    failureExit: Type.Integer({ minimum: 0, maximum: 255 }),
    version: Type.String(),
    head: Type.Object({ revision: Revision, dirty: Type.Boolean() }, strict),
    base: Type.Object(
      {
        /** What was built: where the head left the base that was asked for. */
        revision: Revision,
        /** As the user wrote it; `baseline` and `release` are words for a revision that was looked up. */
        asked: Type.String(),
        /** Tag that `--base release` has found. */
        release: Type.Optional(Type.String()),
        /** Versions of Go that the baselines of `--base baseline` were recorded with. */
        recordedGo: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
        /** What the head takes from the gate of the base's scenarios: a sentence each. */
        loosened: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
      },
      strict,
    ),
    seed: Type.String({ pattern: '^[0-9]+$' }),
    fingerprint: Fingerprint,
    fitness: Type.Array(UnitFitness),
    /** Which letter of the paths is which program. */
    letters: byArm(Letter),
    /** What the head alone was started with besides, of a trial of the gate. */
    headArgs: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    /** By unit (`unitName`) that can be compared. */
    builds: Type.Record(Type.String(), byArm(ArmBuild)),
    plans: Type.Array(GatePlan),
    /** Planned units whose base does not have the program, each with the reason: never run, and no part of the family. */
    incomparable: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }))),
    /** Units with a red of which base and head could not be looked at, each with the reason. */
    unexplained: Type.Optional(Type.Record(Type.String(), Type.String({ minLength: 1 }))),
    /** Limits that the run is held against, over all units: they share the probability of a false red. */
    hypotheses: Type.Integer({ minimum: 1 }),
  },
  strict,
);

export type GateRound = Static<typeof GateRound>;
export type GateRecord = Static<typeof GateRecord>;
