import Type, { type Static } from 'typebox';
import { Interval } from '../analyze/measurement.ts';
import { Fingerprint, Fitness } from '../host/host.ts';
import { claimVerdicts } from './claim.ts';

const strict = { additionalProperties: false } as const;
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });
const Amount = Nullable(Type.Number({ minimum: 0 }));
const MaybeInterval = Nullable(Interval);

/** What one server did in one cell. */
export const ServerCell = Type.Object(
  {
    server: Type.String(),
    qps: MaybeInterval,
    p50Ns: MaybeInterval,
    p99Ns: MaybeInterval,
    cpuNs: MaybeInterval,
    /** Per request, mean over rounds. */
    contextSwitches: Amount,
    /** Per request, from the observed windows of the group; null without probes. */
    systemCalls: Amount,
    taskWork: Amount,
    /** Share of its own capacity that the load was; null in closed loop. */
    ownLoad: Amount,
    /** Highest share of its CPU that the generator used. */
    generatorBusy: Amount,
    /** Windows whose figures the generator does not stand behind, and what it says of them. */
    suspect: Count,
    invalid: Count,
    reasons: Type.Array(Type.String()),
    /** Words of turns that came to no end. */
    failures: Type.Array(Type.String()),
  },
  strict,
);

export const PairCell = Type.Object(
  {
    pair: Type.String(),
    label: Type.String(),
    qps: MaybeInterval,
    p50: MaybeInterval,
    p99: MaybeInterval,
    cpu: MaybeInterval,
    /** For which side the generator was the limit. */
    generatorLimits: Type.Object({ of: Type.Boolean(), to: Type.Boolean() }, strict),
  },
  strict,
);

export const MatrixCell = Type.Object(
  {
    /** "hot, 10,000 connections, 75 %". */
    name: Type.String(),
    group: Type.String(),
    condition: Type.String(),
    connections: Count,
    /** Of the smallest capacity; null: closed loop, saturation. */
    percent: Nullable(Count),
    ratePerSec: Nullable(Type.Number()),
    rounds: Count,
    servers: Type.Array(ServerCell),
    pairs: Type.Array(PairCell),
    /** The same program twice: what differs is the machine. */
    control: Type.Object(
      { cpu: MaybeInterval, p50: MaybeInterval, qps: MaybeInterval, p99: MaybeInterval },
      strict,
    ),
    /** Why the cell is marked; empty where A/A agreed. */
    marks: Type.Array(Type.String()),
  },
  strict,
);

export const ClaimCell = Type.Object(
  {
    claim: Type.String(),
    says: Type.String(),
    quantity: Type.String(),
    cell: Type.String(),
    seen: MaybeInterval,
    verdict: Type.Enum([...claimVerdicts]),
    why: Type.String(),
    /** What brought it about, `of` ÷ `to` or of the one server; empty where nothing was measured. */
    reason: Type.String(),
    marked: Type.Boolean(),
  },
  strict,
);

/** What makes a server comparable with the others, proved or not. */
export const FairnessRow = Type.Object(
  {
    group: Type.String(),
    server: Type.String(),
    goVersion: Type.String(),
    goMaxProcs: Count,
    cpus: Type.String(),
    /** Calls in the observed windows; null without probes. */
    polls: Nullable(Type.Object({ epoll: Count, ioUring: Count }, strict)),
    /** Bytes from storage per request, mean. */
    deviceBytes: Amount,
    /** Most CPUs that it used in a window. */
    cpusUsed: Amount,
    ringThreads: Type.String(),
    /** What is not as it should be: makes the data invalid. */
    contradictions: Type.Array(Type.String()),
    /** What could not be shown. */
    unproved: Type.Array(Type.String()),
  },
  strict,
);

export const MatrixPart = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    question: Type.String(),
    servers: Type.Array(Type.Object({ name: Type.String(), label: Type.String() }, strict)),
    control: Type.String(),
    cells: Type.Array(MatrixCell),
    claims: Type.Array(ClaimCell),
    fairness: Type.Array(FairnessRow),
    untestable: Type.Array(
      Type.Object({ what: Type.String(), reason: Type.String(), remedy: Type.String() }, strict),
    ),
  },
  strict,
);

/** What a matrix has found; a renderer is a function of this and of nothing else. */
export const MatrixReport = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    suite: Type.String(),
    command: Type.String(),
    startedAt: Type.String(),
    durationNs: Count,
    outcome: Type.Enum(['judged', 'undecided', 'invalid', 'interrupted', 'failed']),
    exitCode: Type.Integer({ minimum: 0, maximum: 255 }),
    headline: Type.String(),
    failure: Type.String(),
    warnings: Type.Array(Type.String()),
    rounds: Type.Object({ finished: Count, planned: Count }, strict),
    parts: Type.Array(MatrixPart),
    fingerprint: Fingerprint,
    fitness: Type.Array(Fitness),
  },
  strict,
);

export type ServerCell = Static<typeof ServerCell>;
export type PairCell = Static<typeof PairCell>;
export type MatrixCell = Static<typeof MatrixCell>;
export type ClaimCell = Static<typeof ClaimCell>;
export type FairnessRow = Static<typeof FairnessRow>;
export type MatrixPart = Static<typeof MatrixPart>;
export type MatrixReport = Static<typeof MatrixReport>;
