import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** What netprobe tells of single wake-ups (bpf/probes/wakeup); the part that the harness reads. */
export const WakeupDetails = Type.Object({
  /** The longest, at most 100. Times in ns, `atNs` of CLOCK_MONOTONIC. */
  slowestWakeups: Type.Array(
    Type.Object({
      /** 0 where the program's layout is unknown. */
      goroutineId: Count,
      /** That runs the goroutine. */
      threadId: Count,
      atNs: Count,
      wakeupNs: Count,
      waitPNs: Count,
      waitCpuNs: Count,
      /** Descriptors found by the poll that found this one; 0 unknown. */
      readyEvents: Count,
    }),
  ),
});
export type WakeupDetails = Static<typeof WakeupDetails>;
