import Type, { type Static } from 'typebox';

const Count = Type.Integer({ minimum: 0 });

/** What a fixture says of itself at its countersUrl (go-fixtures/README.md); cumulative. */
export const FixtureCounters = Type.Object({
  monotonicNs: Count,
  requests: Count,
  userCpuNs: Count,
  systemCpuNs: Count,
  voluntarySwitches: Count,
  involuntarySwitches: Count,
  minorFaults: Count,
  majorFaults: Count,
  heapAllocObjects: Count,
  heapAllocBytes: Count,
  gcCycles: Count,
  gcPauseNs: Count,
  goroutines: Count,
  openFds: Count,
  experimental: Type.Record(Type.String(), Type.Integer()),
});

/** What the kernel says of any process, read from /proc/PID; cumulative but openFds. */
export const ProcCounters = Type.Object({
  /** User and system CPU time; the kernel gives it in steps of 10 ms. */
  cpuNs: Count,
  voluntarySwitches: Count,
  involuntarySwitches: Count,
  /**
   * Calls of read, pread64, readv and their like, and of write and its like (`syscr` and `syscw` of
   * /proc/PID/io); sendfile is both, recvmsg and sendmsg are neither. Null where it cannot be read,
   * absent in runs recorded before it was.
   */
  readCalls: Type.Optional(Type.Union([Count, Type.Null()])),
  writeCalls: Type.Optional(Type.Union([Count, Type.Null()])),
  /** Open descriptors by kind; null where /proc/PID/fd cannot be read. */
  openFds: Type.Union([Type.Record(Type.String(), Count), Type.Null()]),
});

/** The state of one server at the edge of a window. */
export const Snapshot = Type.Object({
  proc: ProcCounters,
  fixture: Type.Union([FixtureCounters, Type.Null()]),
});

export type FixtureCounters = Static<typeof FixtureCounters>;
export type ProcCounters = Static<typeof ProcCounters>;
export type Snapshot = Static<typeof Snapshot>;
