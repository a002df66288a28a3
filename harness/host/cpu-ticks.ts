import { readFile } from 'node:fs/promises';

/** CPU time of the whole machine since boot, in clock ticks (1/100 s), summed over all CPUs. */
export interface CpuTicks {
  total: number;
  /** Time in which a CPU was ready to run and the hypervisor gave it to someone else. */
  steal: number;
}

export async function readCpuTicks(): Promise<CpuTicks> {
  return parseCpuTicks(await readFile('/proc/stat', 'utf8'));
}

/** Parses /proc/stat. @throws Error if it has no line for all CPUs together */
export function parseCpuTicks(text: string): CpuTicks {
  const line = /^cpu +(.+)$/m.exec(text)?.[1];
  if (line === undefined) {
    throw new Error('/proc/stat has no "cpu" line');
  }
  // user nice system idle iowait irq softirq steal; guest times follow and are contained in user.
  const ticks = line.split(' ').slice(0, 8).map(Number);
  return { total: ticks.reduce((sum, each) => sum + each, 0), steal: ticks[7] ?? 0 };
}

/** Stolen share of the CPU time between two readings, 0 to 1; 0 if no tick lies between them. */
export function stealRatio(before: CpuTicks, after: CpuTicks): number {
  const total = after.total - before.total;
  const stolen = after.steal - before.steal;
  // The kernel's idle and iowait counters may step back a little.
  return total <= 0 ? 0 : Math.min(1, Math.max(0, stolen / total));
}
