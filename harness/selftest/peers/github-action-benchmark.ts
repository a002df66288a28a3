import { noEffect } from '../world.ts';
import { figure, freshRun, type Peer, redIf } from './peer.ts';

const alertThreshold = 2;

export const githubActionBenchmark: Peer = {
  name: 'github-action-benchmark',
  rule:
    'One run each; alert when head / base > 200 %, the default of its `alert-threshold` ' +
    '(benchmark-action/github-action-benchmark, src/write.ts). It compares with the entry before, ' +
    'whatever machine made it; here it is given the same machine.',
  decide(machine, effect, metric) {
    const base = figure(freshRun(machine, noEffect), metric);
    const head = figure(freshRun(machine, effect), metric);
    return redIf(head / base > alertThreshold);
  },
};
