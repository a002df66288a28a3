import Type, { type Static } from 'typebox';

/** What netprobe writes (bpf/cmd/netprobe). Times in ns of CLOCK_MONOTONIC. */
const Count = Type.Integer({ minimum: 0 });
const Counts = Type.Record(Type.String(), Count);

/** Sparse log-linear histogram with 32 sub-buckets per power of two: `[bucket index, count]`. */
export const ProbeHistogram = Type.Object({
  count: Count,
  sum: Count,
  max: Count,
  overflow: Count,
  buckets: Type.Array(Type.Array(Count, { minItems: 2, maxItems: 2 })),
});

const ProbeSite = Type.Object({
  probe: Type.Optional(Type.String()),
  symbol: Type.String(),
  offset: Count,
  instruction: Type.String(),
  class: Type.Enum(['emulated', 'single-stepped']),
  hits: Count,
});

/** What watching took from the process, estimated from below (bpf/internal/report/cost.go). */
const ProbeCost = Type.Object({
  cpuNs: Count,
  systemCalls: Type.Union([Count, Type.Null()]),
  tracepointPrograms: Count,
  tracepointNs: Count,
  uprobeHits: Count,
  uprobeNs: Count,
  uprobeClass: Type.String(),
  estimatedNs: Type.Union([Count, Type.Null()]),
});

/** How far the clock of the probes was from CLOCK_MONOTONIC (bpf/internal/report/clock.go). */
const ProbeClock = Type.Object({
  readings: Type.Array(Type.Object({ atNs: Count, offsetNs: Type.Integer(), halfWidthNs: Count })),
  offsetNs: Type.Integer(),
  slopePpb: Type.Integer(),
  boundNs: Count,
});

export const ProbeTarget = Type.Object({
  pid: Count,
  goVersion: Type.String(),
  sites: Type.Array(ProbeSite),
  histograms: Type.Record(Type.String(), Type.Union([ProbeHistogram, Type.Null()])),
  unavailable: Type.Optional(Type.Record(Type.String(), Type.String())),
  syscalls: Type.Union([Counts, Type.Null()]),
  descriptors: Type.Union([
    Type.Object({ opened: Counts, closed: Counts, closedPreexisting: Count, openAtEnd: Counts }),
    Type.Null(),
  ]),
  lost: Counts,
  inFlightAtEnd: Type.Optional(Counts),
  /** By probe, in a form of its own; absent in runs of before. */
  details: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  cost: Type.Optional(Type.Union([ProbeCost, Type.Null()])),
});

export const NetprobeResult = Type.Object({
  schema: Type.Literal(1),
  kernel: Type.String(),
  window: Type.Object({ beginNs: Count, endNs: Count }),
  clock: Type.Optional(ProbeClock),
  bucketScheme: Type.Literal('log-linear-32'),
  targets: Type.Record(Type.String(), ProbeTarget),
});

export type ProbeHistogram = Static<typeof ProbeHistogram>;
export type ProbeTarget = Static<typeof ProbeTarget>;
export type NetprobeResult = Static<typeof NetprobeResult>;
