import type { Observation } from '../analyze/observation.ts';
import { frameText, ownFrame, type Stacks, weightOf } from '../analyze/stacks.ts';
import { claim } from './claim.ts';
import { blind, type Sight, sight, withoutPprof } from './rule.ts';

/** CPU time of the process over the window, in CPUs; null without /proc. */
export function cpusUsed({ proc, windowNs }: Observation): number | null {
  return proc === null ? null : (proc.end.cpuNs - proc.begin.cpuNs) / windowNs;
}

/** CPUs that the process may use: those of the host, or what a cgroup leaves it. */
export function cpusAllowed({ proc }: Observation): number | null {
  if (proc === null) {
    return null;
  }
  const limits = proc.end.cpuLimits.flatMap(({ cpus }) => cpus ?? []);
  return Math.min(proc.end.host.cpus, ...limits);
}

/** The stack with the most CPU time under one own function, and that function's share. */
export function hottest(cpu: Stacks): { share: number; place: string } | null {
  const byPlace = new Map<string, number>();
  for (const stack of cpu.stacks) {
    const frame = ownFrame(stack);
    if (frame !== undefined) {
      byPlace.set(frame.function, (byPlace.get(frame.function) ?? 0) + stack.value);
    }
  }
  const [place, value] = [...byPlace].sort((a, b) => b[1] - a[1])[0] ?? [];
  if (place === undefined || value === undefined || cpu.total === 0) {
    return null;
  }
  const stack = cpu.stacks.find((candidate) => ownFrame(candidate)?.function === place);
  return { share: value / cpu.total, place: frameText(stack && ownFrame(stack)) };
}

/** A part of the CPU time that is worth a word uses this much of one CPU. */
const leastCpus = 0.05;

interface ShareOf {
  under: RegExp;
  /** Stacks with such a function are not counted. */
  except?: RegExp;
  least: number;
  /** «in writes». */
  what: string;
}

function without(stacks: Stacks, except: RegExp | undefined): Stacks {
  return except === undefined
    ? stacks
    : {
        ...stacks,
        stacks: stacks.stacks.filter(
          ({ frames }) => !frames.some((frame) => except.test(frame.function)),
        ),
      };
}

/** Share of CPU time under some functions, as the CPU profile of the process tells it. */
export function profiledShare(
  seen: Observation,
  { under, except, least, what }: ShareOf,
): { share: number; sight: Sight } {
  const { cpu } = seen.runtime;
  if (cpu === null) {
    return { share: 0, sight: withoutPprof(seen, 'CPU profile') };
  }
  if (cpu.total === 0) {
    return { share: 0, sight: sight(false, []) };
  }
  const value = weightOf(without(cpu, except), under);
  const share = value / cpu.total;
  return {
    share,
    sight: sight(share >= least && value >= leastCpus * cpu.durationNs, [
      claim({
        source: 'CPU profile',
        quantity: 'cpu-time',
        value,
        unit: 'ns',
        of: `${(cpu.total / 1e9).toFixed(2)} s of CPU time`,
        windowNs: cpu.durationNs,
        says: `${(100 * share).toFixed(1)} % of CPU time ${what}`,
      }),
    ]),
  };
}

/** The same share as the kernel's own samples tell it. */
export function sampledShare(
  seen: Observation,
  { under, except, least, what }: ShareOf,
): { share: number; sight: Sight } {
  const stacks = seen.kernel?.onCpu;
  if (!stacks) {
    return { share: 0, sight: blind('netprobe took no samples of the CPUs') };
  }
  const value = weightOf(without(stacks, except), under);
  const share = stacks.total > 0 ? value / stacks.total : 0;
  return {
    share,
    sight: sight(share >= least && value >= leastCpus * stacks.durationNs, [
      claim({
        source: 'eBPF, on CPU',
        quantity: 'cpu-time',
        value,
        unit: 'ns',
        of: `${(stacks.total / 1e9).toFixed(2)} s on a CPU`,
        windowNs: seen.kernel?.windowNs ?? 0,
        says: `${(100 * share).toFixed(1)} % of the time on a CPU ${what}`,
      }),
    ]),
  };
}
