import { join } from 'node:path';
import Type, { type Static } from 'typebox';

/** `diag.json`, which bpf/go-io-diag.sh writes last: a directory without it was not finished. */
export const DiagRecord = Type.Object({
  schema: Type.Literal(1),
  command: Type.String(),
  startedAt: Type.String(),
  endedAt: Type.String(),
  kernel: Type.String(),
  machine: Type.String(),
  target: Type.Object({
    pid: Type.Integer({ minimum: 1 }),
    exe: Type.String(),
    commandLine: Type.String(),
  }),
  /** Empty `url`: not asked, or not found; `reason` says which. */
  pprof: Type.Object({ url: Type.String(), reason: Type.String() }),
  /** Of the window, as asked for. */
  seconds: Type.Integer({ minimum: 1 }),
  endedBy: Type.Enum(['window', 'interrupted', 'breaker', 'target-exited', 'disk']),
  stages: Type.Array(
    Type.Object({
      name: Type.String(),
      status: Type.Enum(['done', 'failed', 'skipped', 'stopped']),
      reason: Type.String(),
    }),
  ),
});
export type DiagRecord = Static<typeof DiagRecord>;

/** Of the window. */
export type Edge = 'begin' | 'end';

/** Goroutine profiles between the two ends of the window, at most. */
export const goroutineSnapshots = 4;

/** Where the evidence of a diagnosis lies below its directory. */
export const diagFiles = {
  record: (dir: string) => join(dir, 'diag.json'),
  /** Of the whole window: netprobe's set `kernel`. */
  kernel: (dir: string) => join(dir, 'netprobe', 'kernel.json'),
  /** Of the slice: netprobe's Go scheduler probes. */
  scheduler: (dir: string) => join(dir, 'netprobe', 'scheduler.json'),
  proc: (dir: string, edge: Edge, name: string) => join(dir, 'proc', edge, name),
  ticksPerSecond: (dir: string) => join(dir, 'proc', 'ticks-per-second'),
  profile: (dir: string, edge: Edge, kind: 'goroutine' | 'heap' | 'mutex' | 'block') =>
    join(dir, 'pprof', edge, `${kind}.pb.gz`),
  /** Taken between the ends, from 1 to {@link goroutineSnapshots}. */
  goroutines: (dir: string, n: number) => join(dir, 'pprof', `goroutine.${n}.pb.gz`),
  cpu: (dir: string) => join(dir, 'pprof', 'cpu.pb.gz'),
  trace: (dir: string) => join(dir, 'pprof', 'trace.out'),
  /** What tracesum made of the trace; written by the first report on a machine that has Go. */
  traceSummary: (dir: string) => join(dir, 'pprof', 'trace.json'),
} as const;
