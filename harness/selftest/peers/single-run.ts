import { noEffect } from '../world.ts';
import { figure, freshRun, type Peer, redIf } from './peer.ts';

const budgets = { p50: 1.05, p99: 1.1 };

export const singleRun: Peer = {
  name: 'single run',
  rule:
    'One run each; red beyond +5 % for p50 or +10 % for p99: the flat percentage that home-made ' +
    'gates use.',
  decide(machine, effect, metric) {
    const base = figure(freshRun(machine, noEffect), metric);
    const head = figure(freshRun(machine, effect), metric);
    return redIf(head / base > budgets[metric]);
  },
};
