import { messageOf } from '../lib/errors.ts';
import { rootDir } from '../lib/paths.ts';
import { btf } from './checks/btf.ts';
import { clocksource } from './checks/clocksource.ts';
import { container } from './checks/container.ts';
import { cores } from './checks/cores.ts';
import { disk } from './checks/disk.ts';
import { ebpf } from './checks/ebpf.ts';
import { fdLimit } from './checks/fd-limit.ts';
import { git } from './checks/git.ts';
import { go } from './checks/go.ts';
import { ioUring } from './checks/io-uring.ts';
import { kernel } from './checks/kernel.ts';
import { node } from './checks/node.ts';
import { ports } from './checks/ports.ts';
import {
  type CheckContext,
  degraded,
  type Outcome,
  type Prerequisite,
} from './checks/prerequisite.ts';
import { privileges } from './checks/privileges.ts';
import { steal } from './checks/steal.ts';
import { tracefs } from './checks/tracefs.ts';
import { utilLinux } from './checks/util-linux.ts';
import type { Check } from './host.ts';

/** All prerequisites, in the order in which they are shown. */
const prerequisites: readonly Prerequisite[] = [
  node,
  go,
  git,
  utilLinux,
  disk,
  kernel,
  ioUring,
  privileges,
  btf,
  tracefs,
  ebpf,
  fdLimit,
  ports,
  cores,
  steal,
  clocksource,
  container,
];

/** Time that one check may take. All run at once, so that this bounds the doctor as well. */
const defaultTimeLimitMs = 2_500;
const defaultNeed = 4_096;

export type DoctorOptions = Pick<CheckContext, 'netprobe' | 'ringcheck'> &
  Partial<Pick<CheckContext, 'rootDir' | 'neededDescriptors' | 'neededPorts'>> & {
    /** What one check may take, in ms; default 2,500. */
    timeLimitMs?: number;
  };

/** Looks at every prerequisite at once. Never throws; by default it returns within 3 s. */
export async function runDoctor(options: DoctorOptions): Promise<Check[]> {
  const context = {
    rootDir,
    neededDescriptors: defaultNeed,
    neededPorts: defaultNeed,
    timeLimitMs: defaultTimeLimitMs,
    ...options,
  };
  return Promise.all(prerequisites.map((each) => examine(each, context)));
}

type ExamineContext = Omit<CheckContext, 'signal'> & { timeLimitMs: number };

/** One prerequisite, whatever its check does: wait too long, throw, or find it missing. */
export async function examine(
  prerequisite: Prerequisite,
  { timeLimitMs, ...context }: ExamineContext,
): Promise<Check> {
  const { id, title, lost, inspect } = prerequisite;
  const controller = new AbortController();
  const { promise: late, resolve } = Promise.withResolvers<Outcome>();
  const timer = setTimeout(() => {
    resolve(degraded(`no answer within ${timeLimitMs} ms`, { lost, remedy: inspect }));
    controller.abort();
  }, timeLimitMs);
  try {
    const found = prerequisite.look({ ...context, signal: controller.signal });
    return { id, title, ...(await Promise.race([found, late])) };
  } catch (cause) {
    const seen = `could not be looked at: ${messageOf(cause).split('\n').join('; ')}`;
    return { id, title, ...degraded(seen, { lost, remedy: inspect }) };
  } finally {
    clearTimeout(timer);
  }
}

/** A capability that `--require` can name and that this machine has not. */
export interface LostCapability {
  /** ebpf or io_uring. The third, pprof, needs nothing of the machine: only a run can lose it. */
  capability: string;
  what: string;
  reason: string;
  remedy: string;
}

/** Checks on which a capability hangs. The others say why one of these is not ok. */
const capabilityOf: Record<string, string> = { ebpf: 'ebpf', 'io-uring': 'io_uring' };

/** The capabilities that are lost, as run.json records them. */
export function lostCapabilities(checks: readonly Check[]): LostCapability[] {
  return checks.flatMap(({ id, state, seen, lost, remedy }) => {
    const capability = capabilityOf[id];
    return capability === undefined || state === 'ok'
      ? []
      : [{ capability, what: lost.join(', '), reason: seen, remedy }];
  });
}
