import type { Observation } from '../../analyze/observation.ts';
import { servesRequest, waitsOf } from '../../analyze/waits.ts';
import { ioOperation } from '../../profile/labels/label.ts';
import { claim } from '../claim.ts';
import { blind, type Rule, type Sight, sight, withoutKernel, withoutPprof } from '../rule.ts';

/** A good network loses less than one segment in a thousand. */
const leastRatio = 0.001;
const fewest = 5;

export const retransmits: Rule = {
  cause: 'retransmits',
  meaning: 'the network loses segments, which are sent again after 200 ms and more',
  remedy:
    'the cause lies between the two machines: look at the interfaces (ip -s link), queues (tc -s qdisc) and firewall counters on the way',
  leads: 'kernel',
  look(seen) {
    const found = lost(seen);
    return {
      kernel: outside(seen, found),
      runtime: inside(seen),
      weight: Math.min(1, (found?.ratio ?? 0) * 20),
      summary: `${found?.segments ?? 0} segments sent again, ${(100 * (found?.ratio ?? 0)).toFixed(2)} % of all`,
    };
  },
};

interface Lost {
  segments: number;
  syns: number;
  ratio: number;
}

function lost({ kernel, proc }: Observation): Lost | null {
  if (!kernel?.tcp || proc === null) {
    return null;
  }
  const counter = (name: string) => (proc.end.network[name] ?? 0) - (proc.begin.network[name] ?? 0);
  const segments = kernel.tcp.retransmits + kernel.tcp.synRetransmits;
  return {
    segments,
    syns: kernel.tcp.synRetransmits,
    // Of the whole network namespace, whose other processes may share it: a ratio from below.
    ratio: segments / Math.max(segments, counter('Tcp.OutSegs')),
  };
}

function outside(seen: Observation, found: Lost | null): Sight {
  if (seen.kernel === null) {
    return withoutKernel(seen);
  }
  if (found === null) {
    return blind('netprobe did not watch TCP, or /proc does not tell how much was sent');
  }
  return sight(found.segments >= fewest && found.ratio >= leastRatio, [
    claim({
      source: 'eBPF, TCP',
      quantity: 'retransmits',
      value: found.segments,
      unit: 'count',
      of: 'segments sent in its network namespace',
      windowNs: seen.kernel.windowNs,
      says: `${found.segments} segments sent again (${found.syns} of them to connect), ${(100 * found.ratio).toFixed(2)} % of those sent`,
    }),
  ]);
}

/** The runtime sees only that requests wait for the network: in writes, or for a peer. */
function inside(seen: Observation): Sight {
  const { goroutines } = seen.runtime;
  if (goroutines.length === 0) {
    return withoutPprof(seen, 'goroutine profile, end');
  }
  const waiting = waitsOf(goroutines)
    .filter(
      (wait) =>
        wait.kind === 'network' &&
        (servesRequest(wait) ||
          ioOperation(wait.frames.map((frame) => frame.function)) === 'write'),
    )
    .reduce((sum, wait) => sum + wait.goroutines, 0);
  return sight(waiting > 0, [
    claim({
      source: 'goroutine profile',
      quantity: 'goroutines',
      value: waiting,
      unit: 'count',
      of: `${goroutines.length} snapshots`,
      windowNs: seen.windowNs,
      says: `${waiting.toFixed(1)} goroutines wait for the network in a request or a write on average`,
    }),
  ]);
}
