import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

const Distribution = Type.Object({
  count: Count,
  p50: Count,
  p90: Count,
  p99: Count,
  max: Count,
  sum: Count,
});

/** `count` and `ns` of waits within the trace, `openCount` and `openNs` of those beyond an end of it. */
const Wait = Type.Object({
  reason: Type.String(),
  /** An index of `stacks`. */
  stack: Count,
  count: Count,
  ns: Count,
  openCount: Count,
  openNs: Count,
});

/**
 * Where goroutines waited, from an execution trace: what `tracesum -stacks` of go-fixtures adds to its
 * sums. The goroutines of whoever took the trace are not in it, but in `toolNs`. Times in ns.
 */
export const TraceStacks = Type.Object({
  functions: Type.Array(Type.String()),
  /** Lists of indices of `functions`, leaf first. */
  stacks: Type.Array(Type.Array(Count)),
  blocked: Type.Array(Wait),
  syscalls: Type.Array(Wait),
  leftOutNs: Count,
  /** From runnable to running, each time that a goroutine got to run. */
  runnableNs: Distribution,
  /** The same, counted by steps of a quarter of a power of two, from the least on. */
  runnableBuckets: Type.Array(Type.Object({ lowNs: Count, count: Count })),
  toolNs: Count,
});

export type TraceStacks = Static<typeof TraceStacks>;
