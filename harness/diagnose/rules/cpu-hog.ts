import type { Observation } from '../../analyze/observation.ts';
import { frameText, isOwn, ownFrame, type Stack, type Stacks } from '../../analyze/stacks.ts';
import { servesRequest, waitsOf } from '../../analyze/waits.ts';
import { claim } from '../claim.ts';
import { cpusUsed } from '../cpu.ts';
import { blind, type Rule, type Sight, sight, withoutPprof } from '../rule.ts';

/** Of one CPU, all the time. */
const leastCpus = 0.5;

export const cpuHog: Rule = {
  cause: 'cpu-hog',
  meaning: 'a goroutine that serves no request keeps a CPU busy all the time',
  remedy:
    'if it waits for something, let it block: a channel, a sync.Cond, a timer; if it computes, give it fewer goroutines than CPUs and let it pause, or another process',
  leads: 'either',
  look(seen) {
    const inside = seen.runtime.cpu && busiest(seen.runtime.cpu, seen.runtime.cpu.durationNs);
    const onCpu = seen.kernel?.onCpu;
    const outside = onCpu && busiest(onCpu, onCpu.durationNs);
    const worst = inside ?? outside;
    return {
      kernel: kernelSight(seen, outside ?? null),
      runtime: runtimeSight(seen, inside),
      weight: Math.min(1, Math.max(inside?.cpus ?? 0, outside?.cpus ?? 0)),
      summary: `a goroutine keeps ${(worst?.cpus ?? 0).toFixed(2)} CPUs busy all the time at ${frameText(worst?.place)}`,
    };
  },
};

interface Loop {
  /** CPUs' worth of time in goroutines that one function of the program started. */
  cpus: number;
  place: Stack['frames'][number] | undefined;
  root: string;
}

/** Goroutines are told apart by the outermost function of the program: what the go statement named. */
function busiest(cpu: Stacks, windowNs: number): Loop | null {
  const roots = new Map<string, { value: number; stack: Stack }>();
  for (const stack of cpu.stacks) {
    const root = stack.frames.findLast((frame) => isOwn(frame.function))?.function;
    if (root === undefined || servesRequest(stack) || belongsToServer(stack)) {
      continue;
    }
    const known = roots.get(root) ?? { value: 0, stack };
    known.value += stack.value;
    known.stack = stack.value > known.stack.value ? stack : known.stack;
    roots.set(root, known);
  }
  const [root, worst] = [...roots].sort((a, b) => b[1].value - a[1].value)[0] ?? [];
  return worst === undefined || root === undefined || windowNs === 0
    ? null
    : { cpus: worst.value / windowNs, place: ownFrame(worst.stack), root };
}

/** What reads and writes connections is driven by its peers. */
function belongsToServer({ frames }: Stack): boolean {
  return frames.some(({ function: name }) =>
    /^(net\/http|net|internal\/poll|crypto\/tls|google\.golang\.org\/grpc\S*)\./.test(name),
  );
}

function kernelSight(seen: Observation, loop: Loop | null): Sight {
  const onCpu = seen.kernel?.onCpu;
  if (!onCpu) {
    return blind('netprobe took no samples of the CPUs');
  }
  return sight((loop?.cpus ?? 0) >= leastCpus, [
    claim({
      source: 'eBPF, on CPU',
      quantity: 'cpu-time',
      value: loop?.cpus ?? 0,
      unit: 'count',
      of: `${(cpusUsed(seen) ?? 0).toFixed(2)} CPUs that the process uses`,
      windowNs: seen.kernel?.windowNs ?? 0,
      says: `${(loop?.cpus ?? 0).toFixed(2)} CPUs in ${loop?.root ?? 'no goroutine that serves no request'}`,
    }),
  ]);
}

function runtimeSight(seen: Observation, loop: Loop | null): Sight {
  const { cpu, goroutines } = seen.runtime;
  if (cpu === null) {
    return withoutPprof(seen, 'CPU profile');
  }
  const ofLoop = waitsOf(goroutines).filter((wait) =>
    wait.frames.some((frame) => frame.function === loop?.root),
  );
  const count = (running: boolean) =>
    ofLoop
      .filter(({ kind }) => (kind === 'running') === running)
      .reduce((sum, wait) => sum + wait.goroutines, 0);
  const mean = count(true);
  // Workers that wait for work between two pieces of it are busy, and no hogs.
  const never = goroutines.length === 0 || mean >= count(false);
  return sight((loop?.cpus ?? 0) >= leastCpus && never, [
    claim({
      source: 'CPU profile',
      quantity: 'cpu-time',
      value: (loop?.cpus ?? 0) * cpu.durationNs,
      unit: 'ns',
      of: `${(cpu.total / 1e9).toFixed(2)} s of CPU time`,
      windowNs: cpu.durationNs,
      says: `${(loop?.cpus ?? 0).toFixed(2)} CPUs in ${loop?.root ?? 'no goroutine that serves no request'}`,
    }),
    claim({
      source: 'goroutine profile',
      quantity: 'goroutines',
      value: mean,
      unit: 'count',
      of: `${goroutines.length} snapshots`,
      windowNs: seen.windowNs,
      says: `${mean.toFixed(1)} goroutines run in it, mean of ${goroutines.length} snapshots`,
    }),
  ]);
}
