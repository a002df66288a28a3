import Type, { type Static } from 'typebox';
import { TraceStacks } from '../profile/trace-stacks.ts';

const Count = Type.Integer({ minimum: 0 });

/** What go-fixtures/cmd/tracesum makes of a Go execution trace. Times in ns. */
export const TraceSummary = Type.Object({
  schema: Type.Literal(1),
  durationNs: Count,
  goroutines: Count,
  clockSnapshots: Count,
  /** Time that goroutines spent blocked, by the runtime's reason. */
  blockedNs: Type.Record(Type.String(), Count),
  syscallNs: Count,
  runnableNs: Count,
  runningNs: Count,
  /** From a goroutine unblocked by the network to it running. */
  networkWakeupNs: Type.Object({
    count: Count,
    p50: Count,
    p90: Count,
    p99: Count,
    max: Count,
    sum: Count,
  }),
  /** Of `tracesum -stacks` only. */
  stacks: Type.Optional(TraceStacks),
});

export type TraceSummary = Static<typeof TraceSummary>;
