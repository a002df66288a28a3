import { readFile } from 'node:fs/promises';
import { allowedCpus } from './cpus.ts';

/** CPU time since boot, in clock ticks (1/100 s), summed over the CPUs that this process may use. */
export interface CpuTicks {
  /** Idle time included. */
  total: number;
  /** Time in which a CPU was ready to run and the hypervisor gave it to someone else. */
  steal: number;
  /** Time in tasks, anyone's; that of interrupts is nobody's: much of it is packets of our own load. */
  task: number;
}

export async function readCpuTicks(): Promise<CpuTicks> {
  return parseCpuTicks(await readFile('/proc/stat', 'utf8'), await allowedCpus());
}

/**
 * Parses /proc/stat. What other CPUs of a large machine do is no matter of a program that may not use them.
 * @throws Error if it has no line for one of the CPUs
 */
export function parseCpuTicks(text: string, cpus: readonly number[]): CpuTicks {
  const sum: CpuTicks = { total: 0, steal: 0, task: 0 };
  for (const cpu of cpus) {
    const line = new RegExp(`^cpu${cpu} +(.+)$`, 'm').exec(text)?.[1];
    if (line === undefined) {
      throw new Error(`/proc/stat has no "cpu${cpu}" line`);
    }
    // user nice system idle iowait irq softirq steal; guest times follow and are contained in user.
    const ticks = line.split(' ').slice(0, 8).map(Number);
    const [user = 0, nice = 0, system = 0] = ticks;
    sum.total += ticks.reduce((total, each) => total + each, 0);
    sum.steal += ticks[7] ?? 0;
    sum.task += user + nice + system;
  }
  return sum;
}

/** Stolen share of the CPU time between two readings, 0 to 1; 0 if no tick lies between them. */
export function stealRatio(before: CpuTicks, after: CpuTicks): number {
  const total = after.total - before.total;
  const stolen = after.steal - before.steal;
  // The kernel's idle and iowait counters may step back a little.
  return total <= 0 ? 0 : Math.min(1, Math.max(0, stolen / total));
}
