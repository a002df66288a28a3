import { type Effect, type Machine, noEffect } from '../world.ts';
import { mannWhitneyP } from './mann-whitney.ts';
import { figure, freshRun, type Metric, type Peer, redIf } from './peer.ts';

const runs = 10;
const significance = 0.05;

export const benchstat: Peer = {
  name: 'benchstat',
  rule:
    'Ten runs of the base, then ten of the head; Mann–Whitney U, p < 0.05, and the median worse ' +
    '(golang.org/x/perf, cmd/benchstat; ten runs are the least that it asks for).',
  decide(machine, effect, metric) {
    const base = block(machine, noEffect, metric);
    const head = block(machine, effect, metric);
    return redIf(median(head) > median(base) && mannWhitneyP(base, head) < significance);
  },
};

function block(machine: Machine, effect: Effect, metric: Metric): number[] {
  return Array.from({ length: runs }, () => figure(freshRun(machine, effect), metric));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (place: number) => sorted[Math.floor(place)] as number;
  return (at((sorted.length - 1) / 2) + at(sorted.length / 2)) / 2;
}
