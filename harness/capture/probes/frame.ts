import Type, { type Static } from 'typebox';

/** A frame of a stack as netprobe symbolises it. */
export const Frame = Type.Object({
  function: Type.String(),
  file: Type.String(),
  line: Type.Integer(),
});
export type Frame = Static<typeof Frame>;

/** How many goroutines were in a state at a place. */
export const Place = Type.Object({
  state: Type.String(),
  reason: Type.String(),
  frames: Type.Array(Frame),
  count: Type.Integer({ minimum: 0 }),
});
