import { readFile } from 'node:fs/promises';
import type { Static, TSchema } from 'typebox';
import { type ProcSnapshot, readProcSnapshot } from '../capture/diag/proc-copies.ts';
import { DiagRecord, diagFiles, goroutineSnapshots } from '../capture/diag/record.ts';
import { NetprobeResult, type ProbeTarget } from '../capture/netprobe-result.ts';
import { FdleakDetails } from '../capture/probes/fdleak.ts';
import { GoroutinesDetails } from '../capture/probes/goroutines.ts';
import { Http2Details } from '../capture/probes/http2.ts';
import { OncpuDetails } from '../capture/probes/oncpu.ts';
import { SyscallsDetails } from '../capture/probes/syscalls.ts';
import { TcpLifeDetails } from '../capture/probes/tcplife.ts';
import { UringDetails } from '../capture/probes/uring.ts';
import { WakeupDetails } from '../capture/probes/wakeup.ts';
import { TraceSummary } from '../capture/trace-summary.ts';
import { messageOf } from '../lib/errors.ts';
import { checkJson, readJson } from '../lib/json.ts';
import { deltaProfile } from '../profile/combine.ts';
import { decodeProfile } from '../profile/decode.ts';
import type { Profile } from '../profile/profile.ts';
import type { ProcessProfiles } from './flames.ts';
import { type Stacks, stacksOf } from './stacks.ts';

/** One process over one window, as the kernel and as the Go runtime saw it. */
export interface Observation {
  record: DiagRecord;
  /** Between the two snapshots of /proc; of what was asked for where there are not two. */
  windowNs: number;
  goVersion: string | null;
  proc: { begin: ProcSnapshot; end: ProcSnapshot } | null;
  kernel: KernelView | null;
  scheduler: SchedulerView | null;
  runtime: RuntimeView;
  /** What was taken and cannot be read: the reason. */
  damaged: string[];
}

/** netprobe without uprobes, over the whole window. */
interface KernelView {
  windowNs: number;
  probe: ProbeTarget;
  descriptors: FdleakDetails | null;
  slowCalls: SyscallsDetails | null;
  tcp: TcpLifeDetails | null;
  uring: UringDetails | null;
  /** CPU time in ns by stack, from samples of all CPUs; null where none were taken. */
  onCpu: Stacks | null;
}

/** netprobe's uprobes on the Go scheduler, over the slice. */
interface SchedulerView {
  windowNs: number;
  probe: ProbeTarget;
  /** How far its times may be from CLOCK_MONOTONIC as programs read it; null in runs of before. */
  clockBoundNs: number | null;
  goroutines: GoroutinesDetails | null;
  wakeups: WakeupDetails | null;
  http2: Http2Details | null;
}

/** What the process tells of itself. */
interface RuntimeView {
  /** ns by stack, sampled at 100 Hz of CPU time. */
  cpu: Stacks | null;
  /** Goroutines by stack: at the beginning, up to four times in between, at the end. */
  goroutines: Stacks[];
  /** Live objects by the stack that allocated them, scaled from one sample in 512 KiB. */
  heap: { begin: Stacks; end: Stacks } | null;
  /**
   * ns waited between begin and end, as far as these waits have ended: for locks by the stack that
   * unlocked, for locks and channels by the stack that waited. Empty unless the program has switched
   * them on.
   */
  mutex: Stacks | null;
  block: Stacks | null;
  trace: TraceSummary | null;
  /** The same CPU and goroutine profiles and trace, for pictures. */
  profiles: ProcessProfiles;
}

/**
 * Reads what bpf/go-io-diag.sh left. What is missing was not taken; what cannot be read is in `damaged`.
 * @throws PollgateError (invalid data) without a readable diag.json
 */
export async function readObservation(dir: string): Promise<Observation> {
  const record = await readJson(diagFiles.record(dir), DiagRecord, {
    remedy: 'expected a directory that go-io-diag.sh or npm run diag wrote to its end',
  });
  const damaged: string[] = [];
  const tolerant = async <T>(what: string, read: () => Promise<T | null>): Promise<T | null> => {
    try {
      return await read();
    } catch (error) {
      damaged.push(`${what}: ${messageOf(error)}`);
      return null;
    }
  };
  const begin = await tolerant('/proc, begin', () => readProcSnapshot(dir, 'begin'));
  const end = await tolerant('/proc, end', () => readProcSnapshot(dir, 'end'));
  const proc = begin !== null && end !== null ? { begin, end } : null;
  const kernel = await tolerant('netprobe, kernel', () => readKernel(diagFiles.kernel(dir)));
  const scheduler = await tolerant('netprobe, Go scheduler', () =>
    readScheduler(diagFiles.scheduler(dir)),
  );
  const ofBothEnds = <T>(
    kind: 'heap' | 'mutex' | 'block',
    use: (begin: Profile, end: Profile) => T,
  ): Promise<T | null> =>
    tolerant(`${kind} profile`, async () => {
      const begin = await readProfile(diagFiles.profile(dir, 'begin', kind));
      const end = await readProfile(diagFiles.profile(dir, 'end', kind));
      return begin !== null && end !== null ? use(begin, end) : null;
    });
  const delay = (begin: Profile, end: Profile) => stacksOf(deltaProfile(begin, end), 'delay');
  const cpu = await tolerant('CPU profile', () => readProfile(diagFiles.cpu(dir)));
  const goroutines = (await tolerant('goroutine profiles', () => readGoroutines(dir))) ?? [];
  const cpuStacks = await tolerant('CPU profile', async () => cpu && stacksOf(cpu, 'cpu'));
  const standing = await tolerant('goroutine profiles', async () =>
    goroutines.map((profile) => stacksOf(profile, 'goroutine')),
  );
  const trace = await tolerant('execution trace', () => readTrace(diagFiles.traceSummary(dir)));
  const runtime: RuntimeView = {
    cpu: cpuStacks,
    goroutines: standing ?? [],
    heap: await ofBothEnds('heap', (begin, end) => ({
      begin: stacksOf(begin, 'inuse_objects'),
      end: stacksOf(end, 'inuse_objects'),
    })),
    mutex: await ofBothEnds('mutex', delay),
    block: await ofBothEnds('block', delay),
    trace,
    profiles: {
      cpu: cpuStacks && cpu,
      goroutines: standing === null ? [] : goroutines,
      trace,
    },
  };
  return {
    record,
    windowNs: proc === null ? record.seconds * 1e9 : proc.end.uptimeNs - proc.begin.uptimeNs,
    goVersion: kernel?.probe.goVersion ?? scheduler?.probe.goVersion ?? null,
    proc,
    kernel,
    scheduler,
    runtime,
    damaged,
  };
}

async function readKernel(path: string): Promise<KernelView | null> {
  const found = await readTarget(path);
  return (
    found && {
      ...found,
      descriptors: details(found.probe, 'fdleak', FdleakDetails),
      slowCalls: details(found.probe, 'syscalls', SyscallsDetails),
      tcp: details(found.probe, 'tcplife', TcpLifeDetails),
      uring: details(found.probe, 'uring', UringDetails),
      onCpu: samplesOf(details(found.probe, 'oncpu', OncpuDetails), found.windowNs),
    }
  );
}

/** Samples as a profile in ns: each stands for a period of one CPU's time. */
function samplesOf(found: OncpuDetails | null, windowNs: number): Stacks | null {
  return (
    found && {
      total: found.samples * found.periodNs,
      stacks: found.stacks.map(({ frames, samples }) => ({
        frames,
        value: samples * found.periodNs,
      })),
      durationNs: windowNs,
    }
  );
}

async function readScheduler(path: string): Promise<SchedulerView | null> {
  const found = await readTarget(path);
  return (
    found && {
      ...found,
      goroutines: details(found.probe, 'goroutines', GoroutinesDetails),
      wakeups: details(found.probe, 'wakeup', WakeupDetails),
      http2: details(found.probe, 'http2', Http2Details),
    }
  );
}

async function readTarget(
  path: string,
): Promise<{ windowNs: number; probe: ProbeTarget; clockBoundNs: number | null } | null> {
  if ((await optional(path)) === null) {
    return null;
  }
  const result = await readJson(path, NetprobeResult, { remedy: 'take the diagnosis again' });
  const probe = result.targets['target'];
  return probe === undefined
    ? null
    : {
        windowNs: result.window.endNs - result.window.beginNs,
        probe,
        clockBoundNs: result.clock?.boundNs ?? null,
      };
}

function details<T extends TSchema>(probe: ProbeTarget, name: string, schema: T): Static<T> | null {
  const found = probe.details?.[name];
  const source = { name: `the ${name} of netprobe`, remedy: 'take the diagnosis again' };
  return found === undefined ? null : checkJson(found, schema, source);
}

async function readProfile(path: string): Promise<Profile | null> {
  const bytes = await optional(path);
  return bytes && decodeProfile(bytes);
}

async function readGoroutines(dir: string): Promise<Profile[]> {
  const paths = [
    diagFiles.profile(dir, 'begin', 'goroutine'),
    ...Array.from({ length: goroutineSnapshots }, (_, at) => diagFiles.goroutines(dir, at + 1)),
    diagFiles.profile(dir, 'end', 'goroutine'),
  ];
  const all = await Promise.all(paths.map(readProfile));
  return all.filter((profile) => profile !== null);
}

async function readTrace(path: string): Promise<TraceSummary | null> {
  return (await optional(path)) === null
    ? null
    : readJson(path, TraceSummary, { remedy: 'take the diagnosis again' });
}

async function optional(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return null;
    }
    throw error;
  }
}
