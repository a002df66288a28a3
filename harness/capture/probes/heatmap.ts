import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** What netprobe's heatmap tells (bpf/probes/heatmap); a value is the least that belongs to its cell. */
export const HeatmapDetails = Type.Object({
  /** Parts of each power of two; values below are exact. */
  subSteps: Type.Integer({ minimum: 1 }),
  fromNs: Count,
  toNs: Count,
  loopByWakeup: Type.Array(Type.Object({ loopNs: Count, wakeupNs: Count, count: Count })),
  readyByWakeup: Type.Array(Type.Object({ readyCount: Count, wakeupNs: Count, count: Count })),
  /** Wake-ups of the window whose poll is not known. */
  withoutLoop: Count,
});
export type HeatmapDetails = Static<typeof HeatmapDetails>;
