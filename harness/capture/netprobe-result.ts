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
  symbol: Type.String(),
  offset: Count,
  instruction: Type.String(),
  class: Type.Enum(['emulated', 'single-stepped']),
  hits: Count,
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
});

export const NetprobeResult = Type.Object({
  schema: Type.Literal(1),
  kernel: Type.String(),
  window: Type.Object({ beginNs: Count, endNs: Count }),
  bucketScheme: Type.Literal('log-linear-32'),
  targets: Type.Record(Type.String(), ProbeTarget),
});

export type ProbeHistogram = Static<typeof ProbeHistogram>;
export type ProbeTarget = Static<typeof ProbeTarget>;
export type NetprobeResult = Static<typeof NetprobeResult>;
