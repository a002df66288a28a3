import type { Wait } from '../../analyze/waits.ts';
import { channelBlocks } from '../contention.ts';
import { isAtPeer, isAtResolver, waitingRequests } from '../requests.ts';
import { type Rule, withRuntimeEvidence } from '../rule.ts';

/** Worth a word from so long on, for each request. */
const leastNs = 2_000_000;

function isOnChannel({ kind }: Wait): boolean {
  return kind === 'channel' || kind === 'channel-send';
}

export const channelWait: Rule = {
  cause: 'channel-wait',
  meaning: 'requests wait for other goroutines on a channel: a worker pool, a queue, a semaphore',
  remedy:
    'look at who receives from the channel or sends to it: more workers, a queue with a bound that refuses, or no hand-over at all',
  leads: 'runtime',
  follows: [
    'starvation',
    'slow-storage',
    'slow-peer',
    'synchronous-dns',
    'lock-convoy',
    'connection-reuse',
    'gc-pressure',
    'timer-storm',
    'small-writes',
    'small-reads',
    'spin',
    'cpu-hog',
    'cpu-throttling',
    'cpu-neighbour',
  ],
  look: (seen) =>
    withRuntimeEvidence(
      waitingRequests(seen, {
        which: (wait) => isOnChannel(wait) && !isAtPeer(wait) && !isAtResolver(wait),
        what: 'wait on a channel of the program',
        // Who waits for an answer may get it as soon as it can be had; who cannot even hand over waits in
        // a queue.
        proof: {
          which: (wait) => wait.kind === 'channel-send' && !isAtPeer(wait) && !isAtResolver(wait),
          what: 'wait to hand over on a channel',
        },
        quantity: 'channel-time',
        leastNs,
      }),
      channelBlocks(seen),
    ),
};
