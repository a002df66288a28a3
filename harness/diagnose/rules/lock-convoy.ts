import { lockHolders } from '../contention.ts';
import { isAtResolver, waitingRequests } from '../requests.ts';
import { type Rule, withRuntimeEvidence } from '../rule.ts';

/** Worth a word from so long on, for each request. */
const leastNs = 2_000_000;

export const lockConvoy: Rule = {
  cause: 'lock-convoy',
  meaning: 'requests queue for a lock that others hold over their work',
  remedy:
    'do the work outside the lock, split the lock, or copy what it guards; a mutex profile (runtime.SetMutexProfileFraction) names the holder',
  leads: 'runtime',
  follows: [
    'starvation',
    'slow-storage',
    'gc-pressure',
    'timer-storm',
    'spin',
    'cpu-hog',
    'cpu-throttling',
  ],
  look: (seen) =>
    withRuntimeEvidence(
      waitingRequests(seen, {
        which: (wait) => wait.kind === 'lock' && !isAtResolver(wait),
        what: 'wait for a lock',
        quantity: 'lock-time',
        leastNs,
      }),
      lockHolders(seen),
    ),
};
