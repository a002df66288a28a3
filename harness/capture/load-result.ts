import Type, { type Static } from 'typebox';

/** What the load generator writes as load.json (go-fixtures/cmd/loadgen). Times in ns. */
const Count = Type.Integer({ minimum: 0 });

/** Null without samples: an arm without replies has no p99 of 0. */
const Ns = Type.Union([Count, Type.Null()]);

export const LatencySummary = Type.Object({
  count: Count,
  mean: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
  min: Ns,
  p50: Ns,
  p90: Ns,
  p99: Ns,
  p999: Ns,
  max: Ns,
});

const RequestErrors = Type.Object({
  connect: Count,
  reset: Count,
  timeout: Count,
  status: Count,
  body: Count,
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
  latencyHistogram: Type.String(),
  serviceHistogram: Type.String(),
  sendLagHistogram: Type.String(),
});

export const LoadPhase = Type.Object({
  name: Type.String(),
  startNs: Count,
  endNs: Count,
  offeredRatePerSec: Type.Number({ minimum: 0 }),
  arms: Type.Record(Type.String(), ArmLoad),
  generator: Type.Object({
    cpuNs: Count,
    busyRatio: Type.Number({ minimum: 0 }),
    voluntarySwitches: Count,
    involuntarySwitches: Count,
    cpu: Type.Integer({ minimum: -1 }),
  }),
});

export const LoadResult = Type.Object({
  schema: Type.Literal(1),
  protocol: Type.String(),
  seed: Type.String(),
  scheduleHash: Type.String(),
  startedNs: Count,
  phases: Type.Array(LoadPhase),
});

export type LatencySummary = Static<typeof LatencySummary>;
export type ArmLoad = Static<typeof ArmLoad>;
export type LoadPhase = Static<typeof LoadPhase>;
export type LoadResult = Static<typeof LoadResult>;
