import { loadavg } from 'node:os';
import { type CpuTicks, stealRatio } from './cpu-ticks.ts';
import { type LoadReading, loadBetween, readLoad } from './foreign-load.ts';
import type { Fitness } from './host.ts';

/** What is stored, and what the next reading needs to count from. */
export interface FitnessReading {
  fitness: Fitness;
  load: LoadReading;
}

const sinceBoot: CpuTicks = { total: 0, steal: 0, task: 0 };

/**
 * Reads the machine's state. It keeps one CPU busy for about 80 ms: never call it inside a window.
 * @param previous where shares count from; without it steal is since boot, and all others are null
 */
export async function readFitness(previous?: FitnessReading): Promise<FitnessReading> {
  const load = await readLoad();
  return {
    fitness: {
      loadAverage1: loadavg()[0] ?? 0,
      stealRatio: stealRatio(previous?.load.cpu ?? sinceBoot, load.cpu),
      calibrationNs: calibrate(),
      ...loadBetween(previous?.load, load),
    },
    load,
  };
}

const calibrationSteps = 14_000_000;
const calibrationTries = 3;

/** Time of a fixed chain of integer operations, in ns; the best of three, to leave out interrupts. */
function calibrate(): number {
  let best = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < calibrationTries; attempt++) {
    const begin = process.hrtime.bigint();
    const result = xorshift(calibrationSteps);
    const elapsed = Number(process.hrtime.bigint() - begin);
    // The result has to be used, or the compiler may leave the loop out.
    if (result === 0) {
      throw new Error('xorshift reached 0, which it cannot from another number');
    }
    best = Math.min(best, elapsed);
  }
  return best;
}

/** Marsaglia's 32-bit xorshift: each step needs the one before, so that nothing can be vectorised. */
function xorshift(steps: number): number {
  let x = 2463534242 | 0;
  for (let step = 0; step < steps; step++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}
