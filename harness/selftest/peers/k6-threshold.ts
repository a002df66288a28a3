import { noEffect } from '../world.ts';
import { figure, freshRun, type Peer, redIf } from './peer.ts';

/** Head room that is usual when a threshold is written down from a measurement. */
const headRoom = 1.25;

export const k6Threshold: Peer = {
  name: 'k6 threshold',
  rule:
    'One run of the head against an absolute threshold, here 1.25 × what the base showed once on ' +
    'another day (grafana/k6, metrics/thresholds.go compares with a constant only).',
  decide(machine, effect, metric) {
    const threshold = headRoom * figure(freshRun(machine.anotherDay(), noEffect), metric);
    return redIf(figure(freshRun(machine, effect), metric) > threshold);
  },
};
