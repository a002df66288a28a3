import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcCounters } from './counters.ts';

/** Linux's USER_HZ, the unit of utime and stime in /proc/PID/stat on every supported port. */
const ticksPerSec = 100;

/** Reads what the kernel says of a process. @throws when the process is gone */
export async function readProc(pid: number): Promise<ProcCounters> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const switches = await readSwitches(pid);
  const calls = await readCalls(pid);
  return { cpuNs: parseCpuNs(stat), ...switches, ...calls, openFds: await countDescriptors(pid) };
}

/** User plus system time in ns from the text of /proc/PID/stat (proc_pid_stat(5), fields 14, 15). */
export function parseCpuNs(stat: string): number {
  // The second field, the name in brackets, may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return Math.round((ticks * 1e9) / ticksPerSec);
}

type Calls = Required<Pick<ProcCounters, 'readCalls' | 'writeCalls'>>;

/** Of all threads, those that ended too; null for another user's process or a kernel without it. */
async function readCalls(pid: number): Promise<Calls> {
  return parseCalls(await readFile(`/proc/${pid}/io`, 'utf8').catch(() => ''));
}

/** System calls from the text of /proc/PID/io (proc_pid_io(5)); null for what it does not tell. */
export function parseCalls(io: string): Calls {
  const count = (name: string) => {
    const found = new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(io)?.[1];
    return found === undefined ? null : Number(found);
  };
  return { readCalls: count('syscr'), writeCalls: count('syscw') };
}

/** Sums over the threads: /proc/PID/status speaks of the main thread alone. */
async function readSwitches(
  pid: number,
): Promise<Pick<ProcCounters, 'voluntarySwitches' | 'involuntarySwitches'>> {
  const threads = await readdir(`/proc/${pid}/task`);
  const texts = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/status`, 'utf8').catch(() => '')),
  );
  const sum = (name: string) =>
    texts.reduce((total, text) => {
      const found = new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(text)?.[1];
      return total + Number(found ?? 0);
    }, 0);
  return {
    voluntarySwitches: sum('voluntary_ctxt_switches'),
    involuntarySwitches: sum('nonvoluntary_ctxt_switches'),
  };
}

/** Open descriptors by kind; null where /proc/PID/fd cannot be read (another user's process). */
export async function countDescriptors(pid: number): Promise<Record<string, number> | null> {
  let names: string[];
  try {
    names = await readdir(`/proc/${pid}/fd`);
  } catch {
    return null;
  }
  const targets = await Promise.all(
    names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => undefined)),
  );
  const counts: Record<string, number> = {};
  for (const target of targets) {
    if (target !== undefined) {
      const kind = descriptorKind(target);
      counts[kind] = (counts[kind] ?? 0) + 1;
    }
  }
  return counts;
}

/** The kind of a descriptor from what its link in /proc/PID/fd points to. */
export function descriptorKind(target: string): string {
  const anonymous = /^anon_inode:\[?([a-z_]+)\]?/.exec(target)?.[1];
  if (anonymous !== undefined) {
    return anonymous === 'eventpoll' ? 'epoll' : anonymous;
  }
  if (target.startsWith('socket:')) {
    return 'socket';
  }
  if (target.startsWith('pipe:')) {
    return 'pipe';
  }
  return target.startsWith('/') ? 'file' : 'other';
}

/**
 * Waits until the number of open descriptors has stopped falling, so that a connection that is
 * just being closed is not taken for a leak. Gives up after `limitMs`: then it is one.
 */
export async function settleDescriptors(pid: number, limitMs = 2_000): Promise<void> {
  const total = async () =>
    Object.values((await countDescriptors(pid)) ?? {}).reduce((sum, n) => sum + n, 0);
  const stepMs = 50;
  let before = await total();
  let equal = 0;
  for (let waited = 0; waited < limitMs && equal < 3; waited += stepMs) {
    await delay(stepMs);
    const now = await total();
    equal = now === before ? equal + 1 : 0;
    before = now;
  }
}
