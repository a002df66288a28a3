import Type, { type Static } from 'typebox';
import { FixtureBuild } from '../build/fixture-build.ts';
import { Snapshot } from '../capture/counters.ts';
import { Check, Fingerprint, Fitness } from '../host/host.ts';
import { Plan } from '../plan/plan.ts';

const strict = { additionalProperties: false } as const;

/** A capture that could not be had, and how to get it. */
export const LostCapture = Type.Object(
  {
    /** The name that `--require` takes: ebpf, pprof or io_uring. */
    capability: Type.String(),
    what: Type.String(),
    reason: Type.String(),
    remedy: Type.String(),
  },
  strict,
);

/** Who ran what where: run.json, written when a run begins and again when it ends. */
export const RunRecord = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    suite: Type.String(),
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
    /** Revision of the sources and whether the tree had uncommitted changes. */
    revision: Type.String(),
    dirty: Type.Boolean(),
    /** Branch of the scenarios' checkout; absent where nobody could tell. */
    branch: Type.Optional(Type.String({ minLength: 1 })),
    quick: Type.Boolean(),
    seed: Type.String({ pattern: '^[0-9]+$' }),
    fingerprint: Fingerprint,
    fitness: Type.Array(Fitness),
    checks: Type.Array(Check),
    lost: Type.Array(LostCapture),
    required: Type.Array(Type.String()),
    builds: Type.Array(FixtureBuild),
    plans: Type.Array(Plan),
  },
  strict,
);

/** One server of a round, as the harness proved it to be. */
export const ServerRecord = Type.Object(
  {
    pid: Type.Integer({ minimum: 1 }),
    address: Type.String(),
    sha256: Type.String(),
    /** What the process uses by its own account; "unknown" for a user's own server. */
    netpoller: Type.String(),
    goMaxProcs: Type.Integer({ minimum: 0, description: '0 where the server does not say.' }),
    cpus: Type.String({ description: 'CPU list that it was pinned to, or "any".' }),
  },
  strict,
);

/** A server at the begin and the end of a window. */
export const Edges = Type.Object({ begin: Snapshot, end: Snapshot }, strict);

/** What the harness saw in one round: round.json beside the captures. */
export const RoundRecord = Type.Object(
  {
    schema: Type.Literal(1),
    round: Type.Integer({ minimum: 1 }),
    servers: Type.Record(Type.String(), ServerRecord),
    /** Server state at the edges of each window, by window and variant. */
    windows: Type.Object(
      {
        unobserved: Type.Record(Type.String(), Edges),
        observed: Type.Record(Type.String(), Edges),
      },
      strict,
    ),
    /** Captures that this round was meant to have and has not, by file name: the reason. */
    missing: Type.Record(Type.String(), Type.String()),
  },
  strict,
);

/** autocannon's closed-loop figures for one variant. */
export const AutocannonResult = Type.Object(
  {
    completed: Type.Integer({ minimum: 0 }),
    errors: Type.Integer({ minimum: 0 }),
    non2xx: Type.Integer({ minimum: 0 }),
    timeouts: Type.Integer({ minimum: 0 }),
    /** First response of each connection: it contains the connect and is not recorded. */
    dropped: Type.Integer({ minimum: 0 }),
    durationNs: Type.Integer({ minimum: 1 }),
    requestsPerSec: Type.Number({ minimum: 0 }),
    /** HdrHistogram V2 (compressed, base64) in µs, from autocannon's `response` events. */
    latencyHistogramUs: Type.String(),
    /** 99th percentile of the client's event-loop delay: what its own latency cannot be under. */
    eventLoopDelayP99Ns: Type.Integer({ minimum: 0 }),
    /** Share of one core that the client used. */
    clientCpuRatio: Type.Number({ minimum: 0 }),
  },
  strict,
);

/** The two clients of a closed loop. */
export const ClosedLoopClient = Type.Enum(['autocannon', 'generator']);

/** closed-loop.json; the generator's own figures lie beside it in a folder for each variant. */
export const ClosedLoop = Type.Object(
  {
    schema: Type.Literal(2),
    variants: Type.Record(
      Type.String(),
      Type.Object({ first: ClosedLoopClient, autocannon: AutocannonResult }, strict),
    ),
  },
  strict,
);

export type LostCapture = Static<typeof LostCapture>;
export type RunRecord = Static<typeof RunRecord>;
export type ServerRecord = Static<typeof ServerRecord>;
export type RoundRecord = Static<typeof RoundRecord>;
export type AutocannonResult = Static<typeof AutocannonResult>;
export type ClosedLoopClient = Static<typeof ClosedLoopClient>;
export type ClosedLoop = Static<typeof ClosedLoop>;
