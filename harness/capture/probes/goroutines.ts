import Type, { type Static } from 'typebox';
import { Frame, Place } from './frame.ts';

const Count = Type.Integer({ minimum: 0 });

/** What netprobe tells of goroutines (bpf/probes/goroutines); the part that the harness reads. */
export const GoroutinesDetails = Type.Object({
  births: Count,
  deaths: Count,
  /** Null where the process's memory could not be read at the end. */
  atEnd: Type.Union([
    Type.Object({ live: Count, byWaitReason: Type.Record(Type.String(), Count) }),
    Type.Null(),
  ]),
  leakAgeNs: Count,
  leakCandidates: Count,
  sites: Type.Array(
    Type.Object({
      /** Where the go statement stands, and the function that it starts. */
      goStatement: Frame,
      start: Frame,
      births: Count,
      deaths: Count,
      liveAtEnd: Count,
      leakCandidates: Count,
      /** Of those alive at the end, born in the first to the last quarter of the window. */
      liveByQuarter: Type.Optional(Type.Array(Count, { minItems: 4, maxItems: 4 })),
      /** What those alive at the end wait for, read from the process's memory. */
      waits: Type.Optional(Type.Array(Place)),
    }),
  ),
  /** How often the memory was looked at inside the window, and the sum of what was seen. */
  looks: Type.Optional(Count),
  places: Type.Optional(Type.Array(Place)),
});
export type GoroutinesDetails = Static<typeof GoroutinesDetails>;
