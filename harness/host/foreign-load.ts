import { readFile } from 'node:fs/promises';
import { type CpuTicks, readCpuTicks } from './cpu-ticks.ts';
import { allowedCpus } from './cpus.ts';
import type { Fitness } from './host.ts';
import { readIfThere } from './system-files.ts';

/** What the kernel has counted of the machine's load until one moment; all but the clock since boot. */
export interface LoadReading {
  /** Monotonic, in ns. */
  clockNs: number;
  cpu: CpuTicks;
  /** Of the time in tasks: spent in this process and in what it has started and seen end. */
  ownTicks: number;
  /** Time in which some task of the machine waited for a CPU, in µs; null where the kernel does not count it. */
  stalledUs: number | null;
  /** Time that tasks waited for a CPU, summed over tasks, in ns; null where it is not counted. */
  runQueueNs: number | null;
}

/** Reads it from /proc. Servers and generator count as our own once they have ended. */
export async function readLoad(): Promise<LoadReading> {
  const clockNs = Number(process.hrtime.bigint());
  const [cpus, cpu, own, pressure, schedstat] = await Promise.all([
    allowedCpus(),
    readCpuTicks(),
    readFile('/proc/self/stat', 'utf8'),
    // A kernel may have neither, and a container may deny them.
    readIfThere('/proc/pressure/cpu').catch(() => undefined),
    readIfThere('/proc/schedstat').catch(() => undefined),
  ]);
  return {
    clockNs,
    cpu,
    ownTicks: parseOwnTicks(own),
    stalledUs: parseStalledUs(pressure),
    runQueueNs: parseRunQueueNs(schedstat, cpus),
  };
}

/** Own and waited-for children's time from /proc/self/stat (proc_pid_stat(5), fields 14 to 17). */
export function parseOwnTicks(text: string): number {
  // The second field, the name in brackets, may itself hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
}

/** The total of the line "some" of /proc/pressure/cpu, in µs; null without the file or the line. */
export function parseStalledUs(text: string | undefined): number | null {
  const total = /^some .*\btotal=(\d+)/m.exec(text ?? '')?.[1];
  return total === undefined ? null : Number(total);
}

/** The sum over these CPUs of the eighth figure of /proc/schedstat; null without the file or a CPU. */
export function parseRunQueueNs(text: string | undefined, cpus: readonly number[]): number | null {
  const waits = [...(text ?? '').matchAll(/^cpu(\d+)(?: \d+){7} (\d+)/gm)].flatMap(([, cpu, ns]) =>
    cpus.includes(Number(cpu)) ? Number(ns) : [],
  );
  return waits.length === 0 ? null : waits.reduce((sum, each) => sum + each, 0);
}

/** What lies between two readings; null throughout without a first one. */
export function loadBetween(
  before: LoadReading | undefined,
  after: LoadReading,
): Required<Pick<Fitness, 'foreignCpuRatio' | 'cpuStallRatio' | 'runQueueNs'>> {
  if (before === undefined) {
    return { foreignCpuRatio: null, cpuStallRatio: null, runQueueNs: null };
  }
  const foreign = after.cpu.task - before.cpu.task - (after.ownTicks - before.ownTicks);
  const stalledUs = difference(before.stalledUs, after.stalledUs);
  const queuedNs = difference(before.runQueueNs, after.runQueueNs);
  return {
    foreignCpuRatio: share(foreign, after.cpu.total - before.cpu.total),
    cpuStallRatio:
      stalledUs === null ? null : share(stalledUs * 1000, after.clockNs - before.clockNs),
    runQueueNs: queuedNs === null ? null : Math.max(0, queuedNs),
  };
}

function difference(before: number | null, after: number | null): number | null {
  return before === null || after === null ? null : after - before;
}

/** 0 to 1, for the kernel's counters are not read at one instant; null of nothing. */
function share(part: number, whole: number): number | null {
  return whole <= 0 ? null : Math.min(1, Math.max(0, part / whole));
}
