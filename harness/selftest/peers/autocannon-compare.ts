import { noEffect, type WindowSummary } from '../world.ts';
import { freshRun, type Peer, redIf } from './peer.ts';
import { welchP } from './student.ts';

const significance = 0.05;

export const autocannonCompare: Peer = {
  name: 'autocannon-compare',
  rule:
    'One run each; Welch’s t test of the mean latencies with every request as an independent ' +
    'observation, p < 0.05 and worse (autocannon-compare 0.4.0). It knows means only, so that its ' +
    'word on p50 and p99 is the same.',
  decide(machine, effect) {
    const base = requestsOf(freshRun(machine, noEffect));
    const head = requestsOf(freshRun(machine, effect));
    return redIf(head.mean > base.mean && welchP(base, head) < significance);
  },
};

function requestsOf({ requests, meanNs, sdNs }: WindowSummary) {
  return { n: requests, mean: meanNs, variance: sdNs ** 2 };
}
