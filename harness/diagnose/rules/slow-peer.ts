import type { Observation } from '../../analyze/observation.ts';
import { isAtClient, isAtPeer, isAtResolver, waitingRequests } from '../requests.ts';
import type { Rule } from '../rule.ts';

/** Worth a word from so long on, for each request. */
const leastNs = 15_000_000;

export const slowPeer: Rule = {
  cause: 'slow-peer',
  meaning: 'requests wait for the answer of another server',
  remedy:
    'the peer is slow, or the way to it: look there with the same command; here, a deadline, fewer calls one after the other, or a cache',
  leads: 'runtime',
  // The peer answers at once, as soon as it has the question.
  follows: ['nagle-delayed-ack', 'retransmits'],
  look: (seen) =>
    waitingRequests(seen, {
      which: (wait) =>
        (wait.kind === 'network' || wait.kind === 'channel') &&
        isAtPeer(wait) &&
        (isAtClient(wait) || hasPeers(seen)) &&
        !isAtResolver(wait),
      what: 'wait for a peer',
      quantity: 'network-time',
      leastNs,
    }),
};

/** Whether it has made connections itself; a read under a handler may else be one of its own client's. */
function hasPeers({ proc }: Observation): boolean {
  return Object.keys(proc?.end.sockets.toPeers ?? {}).length > 0;
}
