import Type, { type Static } from 'typebox';
import { Place } from './frame.ts';

const Count = Type.Integer({ minimum: 0 });

/** What netprobe tells of io_uring instances (bpf/probes/uring); the part that the harness reads. */
export const UringDetails = Type.Object({
  /** By kind, named as in the kernel's enum io_uring_op; requests of before the window are in none. */
  operations: Type.Array(
    Type.Object({
      name: Type.String(),
      submitted: Count,
      completed: Count,
      /** Of the completed: with another error than ECANCELED. */
      failed: Count,
      cancelled: Count,
      inFlight: Count,
    }),
  ),
  rings: Type.Array(
    Type.Object({
      cqEntries: Count,
      submitted: Count,
      completed: Count,
      cqOverflows: Count,
      depthMax: Count,
      /** Most completions that the process had not taken yet. */
      cqBacklogMax: Count,
      /** Tenths of a second that had an event, the earliest first; from the begin of the window. */
      slices: Type.Array(Type.Object({ fromNs: Type.Integer(), completed: Count })),
    }),
  ),
  /** When a completion queue was too full, and where the goroutines stood then; absent in runs of before. */
  alarms: Type.Optional(
    Type.Array(
      Type.Object({
        atNs: Type.Integer(),
        cqEntries: Count,
        cqBacklog: Count,
        goroutines: Type.Array(Place),
      }),
    ),
  ),
  /** Completions that found their queue full; null on kernels that do not tell. */
  cqOverflows: Type.Union([Count, Type.Null()]),
  /** How often work left to a thread of the process was run; null on kernels that do not tell. */
  taskWork: Type.Union([Type.Object({ runs: Count }), Type.Null()]),
});
export type UringDetails = Static<typeof UringDetails>;
