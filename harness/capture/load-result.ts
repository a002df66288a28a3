import Type, { type Static } from 'typebox';

/**
 * What the load generator writes as load.json (go-fixtures/cmd/loadgen), schema 2. Times in ns.
 * Every setting is explained at the Go type record.Report.
 */
const Count = Type.Integer({ minimum: 0 });

/** Null without samples: an arm without replies has no p99 of 0. */
const Ns = Type.Union([Count, Type.Null()]);

const summary = {
  count: Count,
  mean: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
  min: Ns,
  p50: Ns,
  p90: Ns,
  p99: Ns,
  p999: Ns,
  max: Ns,
};

export const LatencySummary = Type.Object(summary);

/** From connect() until the connection was up; reconnects included. */
const ConnectTimes = Type.Object({ ...summary, histogram: Type.String() });

const RequestErrors = Type.Object({
  connect: Count,
  reset: Count,
  timeout: Count,
  status: Count,
  body: Count,
});

/** Who brought a reason about, as far as the figures tell. */
export const LoadCause = Type.Enum(['generator', 'server', 'load', 'host']);

/** A rule of the generator's own judgement that was broken. */
export const LoadReason = Type.Object({
  rule: Type.String(),
  grade: Type.Enum(['suspect', 'invalid']),
  cause: LoadCause,
  seen: Type.Number(),
  limit: Type.Number(),
  unit: Type.String(),
  text: Type.String(),
});

const Validity = Type.Object({
  absolute: Type.Enum(['valid', 'suspect', 'invalid']),
  reasons: Type.Array(LoadReason),
  /** Figures are steady from here on, counted from the phase's start; 0: from the start, or never. */
  warmupCutNs: Count,
  /** Of the latency's p99, at 95 %; null with too few samples. */
  p99Interval: Type.Union([Type.Array(Count, { minItems: 2, maxItems: 2 }), Type.Null()]),
});

export const ArmLoad = Type.Object({
  scheduled: Count,
  sent: Count,
  completed: Count,
  unsent: Count,
  queued: Count,
  errors: RequestErrors,
  reconnects: Count,
  achievedRatePerSec: Type.Number({ minimum: 0 }),
  latencyNs: LatencySummary,
  serviceNs: LatencySummary,
  sendLagNs: LatencySummary,
  /** Empty where the kernel gives no receive stamps. */
  receiveLagNs: LatencySummary,
  /** Only of servers that return their own stamps. */
  requestPathNs: Type.Optional(LatencySummary),
  replyPathNs: Type.Optional(LatencySummary),
  latencyHistogram: Type.String(),
  serviceHistogram: Type.String(),
  sendLagHistogram: Type.String(),
  receiveLagHistogram: Type.String(),
  /** Protocol "truth" only; read by the tests of the generator, not by the harness. */
  oracle: Type.Optional(Type.Object({})),
  validity: Validity,
});

export const LoadPhase = Type.Object({
  name: Type.String(),
  startNs: Count,
  endNs: Count,
  /** Absent where the arms share this phase as the result says. */
  interleave: Type.Optional(Type.Enum(['slice', 'request'])),
  /** Absent in a closed loop and in a replay. */
  ratePerSec: Type.Optional(Type.Number({ minimum: 0 })),
  offeredRatePerSec: Type.Number({ minimum: 0 }),
  arms: Type.Record(Type.String(), ArmLoad),
  /** Whether ratios between the arms may be judged; the grade is null with one arm. */
  paired: Type.Object({
    grade: Type.Union([Type.Enum(['valid', 'invalid']), Type.Null()]),
    reasons: Type.Array(LoadReason),
  }),
  generator: Type.Object({
    cpuNs: Count,
    busyRatio: Type.Number({ minimum: 0 }),
    voluntarySwitches: Count,
    involuntarySwitches: Count,
    /** One thread on each; empty: not pinned. */
    cpus: Type.Array(Count),
    threads: Type.Integer({ minimum: 1 }),
    scheduling: Type.Enum(['fifo', 'other']),
    runQueueNs: Ns,
    stealNs: Ns,
    largestGapNs: Count,
    clockReadNs: Count,
    kernelStamps: Type.Boolean(),
  }),
});

export const LoadResult = Type.Object({
  schema: Type.Literal(2),
  protocol: Type.String(),
  mode: Type.Enum(['open', 'closed']),
  /** Absent in a closed loop. */
  arrivals: Type.Optional(Type.Enum(['poisson', 'constant', 'on-off', 'ramp', 'replay'])),
  interleave: Type.Enum(['slice', 'request', 'run']),
  seed: Type.String(),
  scheduleHash: Type.String(),
  startedNs: Count,
  /** Present, and true, where the generator was stopped before its last phase had ended. */
  interrupted: Type.Optional(Type.Boolean()),
  connect: Type.Record(Type.String(), ConnectTimes),
  phases: Type.Array(LoadPhase),
  /** Of a search for the highest rate, which no scenario asks for. */
  search: Type.Optional(Type.Object({})),
});

export type LatencySummary = Static<typeof LatencySummary>;
export type LoadReason = Static<typeof LoadReason>;
export type ArmLoad = Static<typeof ArmLoad>;
export type LoadPhase = Static<typeof LoadPhase>;
export type LoadResult = Static<typeof LoadResult>;
