import Type, { type Static } from 'typebox';
import { Frame } from './frame.ts';

const Count = Type.Integer({ minimum: 0 });
const Places = Type.Object({ count: Count });

/** What netprobe tells of descriptors (bpf/probes/fdleak); the part that the harness reads. */
export const FdleakDetails = Type.Object({
  /** By the stack that opened, leaf first. */
  origins: Type.Array(
    Type.Object({
      stack: Type.Array(Frame),
      kind: Type.String(),
      opened: Count,
      closed: Count,
      openAtEnd: Count,
      /** Of those open at the end: opened in the first to the last quarter of the window. */
      openByQuarter: Type.Array(Count, { minItems: 4, maxItems: 4 }),
    }),
  ),
  doubleClose: Places,
  /** Registrations in an epoll set that live on after the close of their number. */
  epollOutlivingClose: Places,
});
export type FdleakDetails = Static<typeof FdleakDetails>;
