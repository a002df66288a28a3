import type { MetricRounds } from '../gate/decide.ts';
import { type LookLevels, windowsMs } from '../gate/design.ts';
import type { ArmValues } from '../gate/effect.ts';
import { goesOn, type UnitRounds } from '../gate/family.ts';
import type { GateMode } from '../scenario/arm.ts';
import { randomIntegers } from '../stats/random.ts';
import { type Effect, type Machine, noEffect, type WindowSummary } from './world.ts';

/** The gated metrics that a simulated world has. */
const simulatedMetrics = {
  p50: { limitPercent: 3, value: (window: WindowSummary) => window.p50Ns },
  p99: { limitPercent: 10, value: (window: WindowSummary) => window.p99Ns },
  cpu: { limitPercent: 2, value: (window: WindowSummary) => window.cpuPerRequestNs },
} as const;
export type SimulatedMetric = keyof typeof simulatedMetrics;

/** Between two rounds processes end and start. */
const betweenRoundsMs = 600;

/** What a gate's decision needs beside the machine. */
export interface GateOptions {
  levels: readonly LookLevels[];
  /** Of the orders in which programs start and take turns. */
  seed: bigint;
}

/** One scenario through our gate, from its first round to the look that decides its last metric. */
export function runOurGate(machine: Machine, head: Effect, options: GateOptions): UnitRounds {
  const below = randomIntegers(options.seed);
  const unit: UnitRounds = { id: 'simulated', rounds: 0, metrics: emptyMetrics() };
  for (const { rounds } of options.levels) {
    while (unit.rounds < rounds) {
      simulateRound(machine, head, below, unit);
    }
    if (!goesOn(unit, options.levels)) {
      break;
    }
  }
  return unit;
}

type Growing = Record<GateMode, (ArmValues | null)[]>;

function emptyMetrics(): UnitRounds['metrics'] {
  return Object.fromEntries(
    Object.entries(simulatedMetrics).map(([name, { limitPercent }]) => [
      name,
      {
        better: 'lower',
        limitPercent,
        rounds: { mixed: [], sliced: [] },
        ...(name === 'p99' ? { exceedances: { mixed: [], sliced: [] } } : {}),
      },
    ]),
  );
}

function simulateRound(
  machine: Machine,
  head: Effect,
  below: (bound: number) => number,
  unit: UnitRounds,
): void {
  // Place in the order, of base, control and head.
  const place = permutation(below);
  const effects = [noEffect, noEffect, noEffect];
  effects[place[2] as number] = head;
  machine.start(3);
  machine.idle(windowsMs.warmup);
  const mixed = machine.mixed(effects, windowsMs.mixed);
  const sliced = machine.slices(effects, windowsMs.sliced);
  const windows = { mixed: mixed.map((own, at) => withCounts(own, sliced[at])), sliced };
  machine.idle(betweenRoundsMs);
  for (const mode of ['mixed', 'sliced'] as const) {
    const [base, control, own] = place.map((at) => windows[mode][at]) as WindowTriple;
    for (const [name, { value }] of Object.entries(simulatedMetrics)) {
      const metric = unit.metrics[name] as MetricRounds;
      const values = { base: value(base), control: value(control), head: value(own) };
      (metric.rounds as Growing)[mode].push(values);
      const fewest = Math.min(base.requests, control.requests, own.requests);
      (metric.exceedances?.[mode] as number[] | undefined)?.push(fewest / 100);
    }
  }
  unit.rounds++;
}

/** Times of the mixed window, and CPU time of both windows together. */
function withCounts(mixed: WindowSummary, sliced: WindowSummary | undefined): WindowSummary {
  const all = [mixed, ...(sliced ? [sliced] : [])];
  const requests = all.reduce((sum, window) => sum + window.requests, 0);
  const cpuNs = all.reduce((sum, { cpuPerRequestNs: own, requests: n }) => sum + own * n, 0);
  return { ...mixed, cpuPerRequestNs: cpuNs / requests };
}

type WindowTriple = [WindowSummary, WindowSummary, WindowSummary];

/** A random permutation of three. */
function permutation(below: (bound: number) => number): number[] {
  const all = [0, 1, 2];
  for (let last = 2; last > 0; last--) {
    const other = below(last + 1);
    const kept = all[last] as number;
    all[last] = all[other] as number;
    all[other] = kept;
  }
  return all;
}
