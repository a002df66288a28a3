import Type, { type Static } from 'typebox';
import { Frame } from './frame.ts';

const Count = Type.Integer({ minimum: 0 });
const Slow = {
  call: Type.String(),
  fileKind: Type.String(),
  calls: Count,
  totalNs: Count,
  maxNs: Count,
  /** Time at a block device inside the calls. */
  blockNs: Count,
};

/** What netprobe tells of slow system calls (bpf/probes/syscalls); the part that the harness reads. */
export const SyscallsDetails = Type.Object({
  slowCallThresholdNs: Count,
  slowCalls: Type.Array(Type.Object(Slow)),
  stacks: Type.Array(Type.Object({ ...Slow, frames: Type.Array(Frame) })),
  /** The slowest, at most 200; absent in runs of before. */
  examples: Type.Optional(
    Type.Array(
      Type.Object({
        call: Type.String(),
        /** Of CLOCK_MONOTONIC. */
        atNs: Count,
        durationNs: Count,
        threadId: Count,
        fileKind: Type.String(),
        blockNs: Type.Union([Count, Type.Null()]),
        /** An index of `stacks`, -1 if it was left out. */
        stack: Type.Integer({ minimum: -1 }),
      }),
    ),
  ),
});
export type SyscallsDetails = Static<typeof SyscallsDetails>;
