import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });
const Frame = Type.Object({ function: Type.String(), file: Type.String(), line: Type.Integer() });

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
    }),
  ),
});
export type GoroutinesDetails = Static<typeof GoroutinesDetails>;
