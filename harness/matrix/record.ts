import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { FixtureBuild } from '../build/fixture-build.ts';
import { Check, Fingerprint, Fitness } from '../host/host.ts';
import { Edges, ServerRecord } from '../run/run-record.ts';
import { groupName, type MatrixGroup, MatrixPlan, type Stage } from './plan.ts';

const strict = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0 });

/**
 * Where everything of a matrix lies.
 *
 *   matrix.json                                                MatrixRecord
 *   <matrix>/<condition>-<connections>/<stage>-01/round.json   TurnsRecord, written last
 *   <matrix>/…/<stage>-01/<server>/load.json, netprobe.json    what the generator and the probes saw
 */
export const matrixFiles = {
  record: (runDir: string) => join(runDir, 'matrix.json'),
  roundDir: (runDir: string, group: MatrixGroup, stage: Stage, round: number) =>
    join(runDir, groupName(group), `${stage}-${String(round).padStart(2, '0')}`),
  /** Relative to the round's folder. */
  round: 'round.json',
} as const;

/** A thread that the kernel made for a ring: it computes for the server, and is to do so on its CPUs. */
export const RingThread = Type.Object(
  { kind: Type.Enum(['io-wq', 'sqpoll']), cpus: Type.String(), count: Count },
  strict,
);

/** One server's turn of a round: what the harness saw. */
export const Turn = Type.Object(
  {
    server: ServerRecord,
    /** By the phase of the generator. */
    windows: Type.Record(
      Type.String(),
      Type.Object(
        {
          edges: Edges,
          /** What reached the disk in the window (`read_bytes` of /proc/PID/io); null where it is not told. */
          deviceReadBytes: Type.Union([Count, Type.Null()]),
        },
        strict,
      ),
    ),
    /** Threads of rings after the last window. */
    ringThreads: Type.Array(RingThread),
    /** Captures that were lost, by file: the reason. */
    missing: Type.Record(Type.String(), Type.String()),
  },
  strict,
);

/** A turn that came to no end, in the words of its error. */
const FailedTurn = Type.Object({ failure: Type.String() }, strict);

/** One round: every server's turn. Written last. */
export const TurnsRecord = Type.Object(
  {
    schema: Type.Literal(1),
    /** Of the run that it belongs to. */
    runId: Type.String(),
    round: Type.Integer({ minimum: 1 }),
    seed: Type.String(),
    order: Type.Array(Type.String()),
    /** Requests per second of each phase; empty in closed loop. */
    ratesPerSec: Type.Record(Type.String(), Type.Number({ minimum: 1 })),
    turns: Type.Record(Type.String(), Type.Union([Turn, FailedTurn])),
  },
  strict,
);

/** Why something cannot be tested on this machine, and what would change that. */
export const Untestable = Type.Object({ reason: Type.String(), remedy: Type.String() }, strict);

/** Who measured what where: matrix.json, written when a run begins and whenever its status changes. */
export const MatrixRecord = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    suite: Type.String(),
    /** The command that repeats this run. */
    command: Type.String(),
    startedAt: Type.String({ description: 'ISO 8601, UTC; a label, never used for a duration.' }),
    /** Over all sittings. */
    durationNs: Count,
    /** How often it was resumed. */
    resumed: Count,
    status: Type.Enum(['running', 'complete', 'interrupted', 'failed']),
    failure: Type.String(),
    failureExit: Type.Integer({ minimum: 0, maximum: 255 }),
    version: Type.String(),
    revision: Type.String(),
    dirty: Type.Boolean(),
    quick: Type.Boolean(),
    full: Type.Boolean(),
    seed: Type.String({ pattern: '^[0-9]+$' }),
    fingerprint: Fingerprint,
    fitness: Type.Array(Fitness),
    checks: Type.Array(Check),
    placement: Type.Object({ servers: Type.String(), generator: Type.Integer() }, strict),
    /** What measures, and within which limits; absent in records of earlier versions. */
    instruments: Type.Optional(
      Type.Object(
        {
          /** sha256 of the programs, by name. */
          programs: Type.Record(Type.String(), Type.String()),
          /** CPUs that the run may use, as taskset takes them. */
          cpus: Type.String(),
          /** RLIMIT_NOFILE, soft and hard. */
          openFiles: Type.String(),
        },
        strict,
      ),
    ),
    /** By «matrix/server». */
    builds: Type.Record(Type.String(), FixtureBuild),
    plans: Type.Array(MatrixPlan),
    /** Servers («matrix/server») and groups (`groupName`) that are not run. */
    untestable: Type.Record(Type.String(), Untestable),
    /** Why no probe could be attached; null where they could. */
    unprobed: Type.Union([Untestable, Type.Null()]),
  },
  strict,
);

export type RingThread = Static<typeof RingThread>;
export type Turn = Static<typeof Turn>;
export type TurnsRecord = Static<typeof TurnsRecord>;
export type Untestable = Static<typeof Untestable>;
export type MatrixRecord = Static<typeof MatrixRecord>;
