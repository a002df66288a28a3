import type { Observation } from '../../analyze/observation.ts';
import { frameText, ownFrame } from '../../analyze/stacks.ts';
import { claim } from '../claim.ts';
import { isAtResolver, resolver, waitingRequests } from '../requests.ts';
import { type Rule, type Sight, sight } from '../rule.ts';

/** A name is looked up once and kept, or with each request. */
const fewestPerSec = 2;

/** Worth a word from so long on, for each request. */
const leastNs = 2_000_000;

export const synchronousDns: Rule = {
  cause: 'synchronous-dns',
  meaning: 'requests wait for a name to be resolved',
  remedy:
    'keep connections instead of dialling per request, resolve ahead of time or through a local cache; GODEBUG=netdns=2 tells which resolver is used',
  leads: 'runtime',
  look(seen) {
    const waiting = waitingRequests(seen, {
      which: isAtResolver,
      what: 'wait for the resolver',
      quantity: 'network-time',
      leastNs,
    });
    return { ...waiting, kernel: resolverSockets(seen) ?? waiting.kernel };
  },
};

/** The resolver opens a socket for each question, which tells more than one look at goroutines. */
function resolverSockets({ kernel }: Observation): Sight | undefined {
  if (!kernel?.descriptors) {
    return undefined;
  }
  const asking = kernel.descriptors.origins.filter(
    ({ kind, stack }) =>
      kind === 'socket' &&
      stack.some(
        ({ function: name }) => resolver.test(name) || name === 'net.(*sysDialer).dialUDP',
      ),
  );
  const opened = asking.reduce((sum, origin) => sum + origin.opened, 0);
  const perSec = opened / (kernel.windowNs / 1e9);
  const place = asking[0] && ownFrame({ frames: asking[0].stack });
  return sight(perSec >= fewestPerSec, [
    claim({
      source: 'eBPF, descriptors',
      quantity: 'descriptors',
      value: perSec,
      unit: 'perSec',
      of: 'the window',
      windowNs: kernel.windowNs,
      says: `${perSec.toFixed(1)} sockets a second opened to ask over UDP`,
      frames: place === undefined ? [] : [frameText(place)],
    }),
  ]);
}
