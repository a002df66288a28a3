import type { Effect, Machine, WindowSummary } from '../world.ts';

export interface Peer {
  name: string;
  /** Its rule in one sentence, with source. */
  rule: string;
  /**
   * Measures base and head on the machine in its own way and calls the change a regression or not.
   * At most 90 s of measuring per change.
   */
  decide(machine: Machine, effect: Effect, metric: Metric): 'red' | 'green';
}

export type Metric = 'p50' | 'p99';

/** What sequential tools do for one run: a fresh start, a warm-up, and a window of its own. */
const warmUpMs = 3_000;
const measuredMs = 4_000;

export function freshRun(machine: Machine, effect: Effect): WindowSummary {
  machine.start(1);
  machine.idle(warmUpMs);
  return machine.alone(effect, measuredMs);
}

export function figure(summary: WindowSummary, metric: Metric): number {
  return metric === 'p50' ? summary.p50Ns : summary.p99Ns;
}

export function redIf(worse: boolean): 'red' | 'green' {
  return worse ? 'red' : 'green';
}
