import type { Observation } from '../analyze/observation.ts';
import { claim } from './claim.ts';
import { cpusUsed } from './cpu.ts';
import { blind, type Sight, sight, withoutPprof } from './rule.ts';

/** The runtime's account of running may exceed the kernel's by so much: switches, and the tracing itself. */
const leastRatio = 1.3;

/**
 * Where the kernel takes CPUs from a process, its runtime does not know: goroutines that «run» in the
 * execution trace are longer on their threads than the process is on a CPU.
 */
export function kernelTakesCpus(seen: Observation): Sight {
  const { trace } = seen.runtime;
  if (trace === null) {
    return withoutPprof(seen, 'execution trace');
  }
  const used = cpusUsed(seen);
  if (used === null || used === 0 || trace.durationNs === 0) {
    return blind('/proc was not read at both ends');
  }
  const running = trace.runningNs / trace.durationNs;
  return sight(running / used >= leastRatio, [
    claim({
      source: 'execution trace',
      quantity: 'running-time',
      value: running,
      unit: 'count',
      of: `${used.toFixed(2)} CPUs that the kernel counted`,
      windowNs: trace.durationNs,
      says: `goroutines run on ${running.toFixed(2)} threads at a time as the runtime sees it, on ${used.toFixed(2)} CPUs as the kernel does`,
    }),
  ]);
}
