import Type, { type Static } from 'typebox';
import { TraceStacks } from '../profile/trace-stacks.ts';

const Count = Type.Integer({ minimum: 0 });

const Distribution = Type.Object({
  count: Count,
  p50: Count,
  p90: Count,
  p99: Count,
  max: Count,
  sum: Count,
});

/** Times of CLOCK_MONOTONIC. Stacks are function names, the innermost first. */
const Turn = Type.Object({
  goroutine: Count,
  beginNs: Count,
  endNs: Count,
  /** Where it waited before. */
  place: Type.Array(Type.String()),
  parts: Type.Array(
    Type.Object({
      state: Type.Enum(['runnable', 'running', 'syscall', 'blocked']),
      /** Of what is blocked, the runtime’s word. */
      reason: Type.String(),
      beginNs: Count,
      endNs: Count,
      /** The system’s number of the thread that runs it; 0 where none does. */
      thread: Count,
      stack: Type.Array(Type.String()),
    }),
  ),
  partsLeftOut: Count,
});
export type Turn = Static<typeof Turn>;

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
  networkWakeupNs: Distribution,
  /**
   * What goroutines did between two waits for the network at the same place: in a server, requests.
   * Of `tracesum -stacks` only, and of Go 1.25 and newer.
   */
  turns: Type.Optional(
    Type.Object({
      durationNs: Distribution,
      /** By how much the trace’s readings of CLOCK_MONOTONIC disagree. */
      clockSpreadNs: Count,
      slowest: Type.Array(Turn),
      /** Over all turns, by place, state and stack: indices of `stacks`. Absent in captures of before. */
      sums: Type.Optional(
        Type.Array(
          Type.Object({
            place: Count,
            state: Type.Enum(['runnable', 'running', 'syscall', 'blocked']),
            reason: Type.String(),
            stack: Type.Union([Count, Type.Null()]),
            count: Count,
            ns: Count,
          }),
        ),
      ),
    }),
  ),
  /** Of `tracesum -stacks` only. */
  stacks: Type.Optional(TraceStacks),
});

export type TraceSummary = Static<typeof TraceSummary>;
