import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

const Side = Type.Object({
  begun: Count,
  ended: Count,
  streams: Count,
  open: Count,
  openStreams: Count,
  /** Streams reset because there were too many at a time; null at the client. */
  refused: Type.Union([Count, Type.Null()]),
});

/** What netprobe tells of HTTP/2 (bpf/probes/http2); the part that the harness reads. */
export const Http2Details = Type.Object({ server: Side, client: Side });
export type Http2Details = Static<typeof Http2Details>;
