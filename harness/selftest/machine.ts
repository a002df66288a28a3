import { seedFromName } from '../stats/random.ts';
import { type LatencySpec, mixture } from './model/latency.ts';
import { type Arm, sampled } from './model/sampling.ts';
import { machineState, type StateSpec, stepMs } from './model/state.ts';
import { placeInTurn } from './model/turns.ts';
import { type Variates, variates } from './model/variates.ts';
import type { Effect, Machine, WindowSummary, World } from './world.ts';

export interface MachineSpec extends StateSpec, LatencySpec {
  /** Of all arms together. */
  requestsPerSecond: number;
  /** From start to start of a process: SD of the logarithm of all times, and of the tail besides. */
  process: { sd: number; tailSd: number };
  /** A start lands on the slow place with this probability, and is slower by the factor there. */
  placement: { slowShare: number; factor: number };
  /** One of the first two arms in order, drawn per machine, is slower by a factor drawn from here. */
  slotBias: readonly [low: number, high: number];
  /** From day to day: SD of the logarithm of all times. */
  daySd: number;
  queue: Queue;
}

interface Queue {
  /** Power to which latency raises what slows service: d ln(latency) / d ln(service). */
  amplification: number;
  /** Share of an arm's own effect that all arms get instead, when they wait in one queue. */
  dilution: number;
  /** By how much requests that wait together lower their number as independent ones, ≥ 1. */
  designEffect: number;
}

/** A machine without any trouble, for worlds to add to. */
export const calm: MachineSpec = {
  requestsPerSecond: 6_000,
  // Of hello-http in slices of 20 ms on a quiet virtual machine: ln(79.1 µs / 52.9 µs) / 1.2816, p90 over p50.
  bodySd: 0.31,
  tailIndex: 3,
  drift: { sd: 0.004, correlationMs: 8_000 },
  level: { sd: 0, meanMs: 150_000 },
  conditions: [],
  process: { sd: 0.003, tailSd: 0.005 },
  placement: { slowShare: 0, factor: 1 },
  slotBias: [1, 1],
  daySd: 0.01,
  // A change measured as +8.2 % in slices showed as +6 % when requests were mixed.
  queue: { amplification: 1, dilution: 0.26, designEffect: 1 },
};

/** Longest window, in slices. */
const mostSlices = 1_200;

/** Each purpose has a stream of its own: more arms or more looks change nothing of the rest. */
const streams = {
  starts: seedFromName('starts of processes'),
  sampling: seedFromName('sampling noise'),
  otherDay: seedFromName('another day'),
};

/** What one start of a process drew; logarithms. */
interface Process {
  all: number;
  tail: number;
  cpu: number;
}

/** A world whose machines are all drawn from one specification. */
export function worldOf(about: Pick<World, 'name' | 'description'>, spec: MachineSpec): World {
  const amplification = spec.queue.amplification;
  return { ...about, amplification, open: (seed) => openMachine(spec, seed) };
}

/**
 * A simulated machine, without a single simulated request. On a grid of 50 ms the state says how
 * much slower than usual everything is; the latencies of a window are the mixture of one base
 * distribution over its slices, each scaled by its state; the mixture's quantiles are solved and
 * read with the noise of a sample (`model/sampling.ts`). Effects multiply what the arm shows.
 */
export function openMachine(spec: MachineSpec, seed: bigint): Machine {
  const random = variates(seed);
  const starts = variates(seed ^ streams.starts);
  const noise = variates(seed ^ streams.sampling);
  const day = spec.daySd * random.normal();
  const slots = slotFactors(spec, random);
  const state = machineState(spec, random);
  const latencies = mixture(spec, mostSlices);
  const slowness = new Float64Array(mostSlices);
  const stretch = new Float64Array(mostSlices);
  let processes: Process[] = [];

  const armsOf = (effects: readonly Effect[], slotFactor: readonly number[]): Arm[] => {
    if (effects.length === 0 || effects.length > processes.length) {
      const seen = `${effects.length} of ${processes.length} started`;
      throw new RangeError(`a window measures arms that were started, got ${seen}`);
    }
    return effects.map((effect, place) =>
      armOf(spec, effect, shifted(processes[place] as Process, slotFactor[place] ?? 0)),
    );
  };

  /** Lives through a window and keeps what the machine did in each of its slices. */
  const live = (slices: number) => {
    for (let i = 0; i < slices; i++) {
      slowness[i] = spec.queue.amplification * (day + state.slowness());
      stretch[i] = state.tailStretch();
      state.step();
    }
  };

  const inTurns = (arms: readonly Arm[], durationMs: number): WindowSummary[] => {
    const slices = sliceCount(durationMs, 2 * arms.length);
    live(slices);
    const { designEffect } = spec.queue;
    return arms.map((arm, place) => {
      latencies.clear();
      let own = 0;
      for (let i = 0; i < slices; i++) {
        if (placeInTurn(i, arms.length) === place) {
          latencies.add(slowness[i] as number, stretch[i] as number);
          own++;
        }
      }
      const expected = (own * stepMs * spec.requestsPerSecond) / 1_000;
      return sampled({ latencies, expected, designEffect, noise }, arm);
    });
  };

  return {
    start: (arms) => {
      processes = Array.from({ length: arms }, () => startProcess(spec, starts));
    },
    slices: (effects, durationMs) => inTurns(armsOf(effects, slots), durationMs),
    mixed: (effects, durationMs) => {
      const arms = diluted(armsOf(effects, slots), spec.queue.dilution);
      const slices = sliceCount(durationMs, 1);
      live(slices);
      latencies.clear();
      for (let i = 0; i < slices; i++) {
        latencies.add(slowness[i] as number, stretch[i] as number);
      }
      const expected = (durationMs * spec.requestsPerSecond) / 1_000 / arms.length;
      // A part of the requests drawn at random is the same part of every queue: independent.
      return arms.map((arm) => sampled({ latencies, expected, designEffect: 1, noise }, arm));
    },
    alone: (effect, durationMs) => {
      const [only] = inTurns(armsOf([effect], []), durationMs);
      return only as WindowSummary;
    },
    idle: (ms) => state.leap(ms),
    anotherDay: () => openMachine(spec, seed ^ streams.otherDay),
  };
}

/** @param least every arm needs its turn there and back, or the order would not be balanced */
function sliceCount(durationMs: number, least: number): number {
  const slices = durationMs / stepMs;
  if (!(Number.isInteger(slices) && slices >= least && slices <= mostSlices)) {
    const wanted = `a multiple of ${stepMs} ms from ${least * stepMs} to ${mostSlices * stepMs}`;
    throw new RangeError(`this window needs ${wanted}, got ${durationMs} ms`);
  }
  return slices;
}

function startProcess(spec: MachineSpec, random: Variates): Process {
  const slow = random.uniform() < spec.placement.slowShare;
  const all = (slow ? Math.log(spec.placement.factor) : 0) + spec.process.sd * random.normal();
  return { all, tail: spec.process.tailSd * random.normal(), cpu: all / 2 };
}

function shifted(process: Process, by: number): Process {
  return { ...process, all: process.all + by };
}

function armOf(spec: MachineSpec, effect: Effect, process: Process): Arm {
  for (const [metric, factor] of Object.entries(effect)) {
    if (!(factor > 0 && factor < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`an effect is a factor > 0, got ${factor} for ${metric}`);
    }
  }
  const power = spec.queue.amplification;
  return {
    body: power * (process.all + Math.log(effect.p50)),
    tail: power * (process.all + process.tail + Math.log(effect.p99)),
    cpu: process.cpu + Math.log(effect.cpu),
  };
}

function slotFactors(spec: MachineSpec, random: Variates): number[] {
  const [low, high] = spec.slotBias;
  const bias = Math.log(low + (high - low) * random.uniform());
  return random.uniform() < 0.5 ? [bias, 0] : [0, bias];
}

/** In one queue everybody waits for everybody's requests; whose CPU it is stays known. */
function diluted(arms: readonly Arm[], dilution: number): Arm[] {
  const mean = (pick: (arm: Arm) => number) =>
    arms.reduce((sum, arm) => sum + pick(arm), 0) / arms.length;
  const body = mean((arm) => arm.body);
  const tail = mean((arm) => arm.tail);
  return arms.map((arm) => ({
    body: arm.body + dilution * (body - arm.body),
    tail: arm.tail + dilution * (tail - arm.tail),
    cpu: arm.cpu,
  }));
}
