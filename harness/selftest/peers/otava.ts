import { type Effect, noEffect } from '../world.ts';
import { changePoints } from './change-points.ts';
import { figure, freshRun, type Peer, redIf } from './peer.ts';

const history = 30;
const headRuns = 6;
/** How far from the change its change point may be found. */
const tolerance = 2;
/** Runs of a history belong to commits of different hours. */
const betweenCommitsMs = 3_600_000;

export const otava: Peer = {
  name: 'Apache Otava',
  rule:
    'A change for the worse within two runs of the head, in a history of 30 runs of the base and 6 ' +
    'of the head, one per commit; E-divisive means with t test, window 50, p < 0.001 (defaults of ' +
    'apache/otava; it knows after six commits what a gate must know before one).',
  decide(machine, effect, metric) {
    const run = (change: Effect) => {
      machine.idle(betweenCommitsMs);
      return figure(freshRun(machine, change), metric);
    };
    const base = Array.from({ length: history }, () => run(noEffect));
    const head = Array.from({ length: headRuns }, () => run(effect));
    const found = changePoints([...base, ...head], { window: 50, significance: 0.001 });
    return redIf(
      found.some(({ index, ratio }) => Math.abs(index - history) <= tolerance && ratio > 1),
    );
  },
};
