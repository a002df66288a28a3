import Type, { type Static } from 'typebox';
import { Frame } from './frame.ts';

const Count = Type.Integer({ minimum: 0 });

/** What netprobe tells of threads on a CPU (bpf/probes/oncpu); the part that the harness reads. */
export const OncpuDetails = Type.Object({
  frequencyHz: Count,
  periodNs: Count,
  samples: Count,
  kernelSamples: Count,
  /** Leaf first. */
  stacks: Type.Array(Type.Object({ frames: Type.Array(Frame), samples: Count })),
  samplesLeftOut: Count,
});
export type OncpuDetails = Static<typeof OncpuDetails>;
