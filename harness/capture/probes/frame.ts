import Type, { type Static } from 'typebox';

/** A frame of a stack as netprobe symbolises it. */
export const Frame = Type.Object({
  function: Type.String(),
  file: Type.String(),
  line: Type.Integer(),
});
export type Frame = Static<typeof Frame>;
