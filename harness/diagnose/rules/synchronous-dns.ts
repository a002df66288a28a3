import { isAtResolver, waitingRequests } from '../requests.ts';
import type { Rule } from '../rule.ts';

export const synchronousDns: Rule = {
  cause: 'synchronous-dns',
  meaning: 'requests wait for a name to be resolved',
  remedy:
    'keep connections instead of dialling per request, resolve ahead of time or through a local cache; GODEBUG=netdns=2 tells which resolver is used',
  leads: 'runtime',
  look: (seen) => waitingRequests(seen, { which: isAtResolver, what: 'wait for the resolver' }),
};
