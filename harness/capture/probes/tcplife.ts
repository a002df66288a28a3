import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

const Side = Type.Object({
  established: Count,
  closed: Count,
  /** By what ended the connection first. */
  closedFirst: Type.Object({
    localFin: Count,
    remoteFin: Count,
    localReset: Count,
    remoteReset: Count,
    timeout: Count,
  }),
  openAtEnd: Count,
  receivedBytes: Count,
  sentBytes: Count,
  timeWaits: Count,
  requests: Count,
});

/** What netprobe tells of TCP connections (bpf/probes/tcplife); the part that the harness reads. */
export const TcpLifeDetails = Type.Object({
  server: Side,
  client: Side,
  refused: Count,
  acceptBacklogMax: Count,
  acceptBacklogLimit: Count,
  /** Writes held back by Nagle's algorithm; absent in captures of before. */
  nagleHolds: Type.Optional(Count),
  retransmits: Count,
  synRetransmits: Count,
  resetsSent: Count,
  resetsReceived: Count,
});
export type TcpLifeDetails = Static<typeof TcpLifeDetails>;
