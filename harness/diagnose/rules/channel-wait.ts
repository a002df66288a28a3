import { channelBlocks } from '../contention.ts';
import { isAtPeer, isAtResolver, waitingRequests } from '../requests.ts';
import { type Rule, withRuntimeEvidence } from '../rule.ts';

/** Worth a word from so long on, for each request. */
const leastNs = 2_000_000;

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
    'spin',
    'cpu-hog',
    'cpu-throttling',
    'cpu-neighbour',
  ],
  look: (seen) =>
    withRuntimeEvidence(
      waitingRequests(seen, {
        which: (wait) => wait.kind === 'channel' && !isAtPeer(wait) && !isAtResolver(wait),
        what: 'wait on a channel of the program',
        leastNs,
      }),
      channelBlocks(seen),
    ),
};
