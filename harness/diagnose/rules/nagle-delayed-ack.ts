import type { Observation } from '../../analyze/observation.ts';
import { claim } from '../claim.ts';
import { waitingRequests } from '../requests.ts';
import { blind, type Rule, type Sight, sight, withoutKernel } from '../rule.ts';

/** A write held back now and then is the end of a large one. */
const fewestPerSec = 2;
/** Half of what Linux delays an acknowledgement by at least (TCP_DELACK_MIN, 40 ms). */
const leastNs = 20_000_000;

export const nagleDelayedAck: Rule = {
  cause: 'nagle-delayed-ack',
  meaning:
    'a small write waits until the one before it is acknowledged (Nagle), and the peer, which waits for the rest, acknowledges late (delayed ACK)',
  remedy:
    'hand over what belongs together in one write (bufio.Writer, net.Buffers), and leave SetNoDelay as Go has it: on',
  leads: 'kernel',
  look(seen) {
    const perSec = heldPerSec(seen);
    const waiting = waitingRequests(seen, {
      which: ({ kind }) => kind === 'network',
      what: 'wait for the network',
      quantity: 'network-time',
      leastNs,
    });
    return {
      kernel: outside(seen, perSec),
      runtime: waiting.runtime,
      weight: waiting.weight,
      summary: `${(perSec ?? 0).toFixed(1)} writes a second are held back until what was sent before is acknowledged; ${waiting.summary}`,
    };
  },
};

/** Null where they were not counted. */
function heldPerSec({ kernel }: Observation): number | null {
  const holds = kernel?.tcp?.nagleHolds ?? null;
  return kernel === null || holds === null ? null : holds / (kernel.windowNs / 1e9);
}

function outside(seen: Observation, perSec: number | null): Sight {
  if (seen.kernel === null) {
    return withoutKernel(seen);
  }
  if (perSec === null) {
    return blind('netprobe did not look at what TCP holds back');
  }
  return sight(perSec >= fewestPerSec, [
    claim({
      source: 'eBPF, TCP',
      quantity: 'held-writes',
      value: perSec,
      unit: 'perSec',
      of: 'the window',
      windowNs: seen.kernel.windowNs,
      says: `${perSec.toFixed(1)} writes a second of which less than a segment stayed behind unacknowledged data`,
    }),
  ]);
}
