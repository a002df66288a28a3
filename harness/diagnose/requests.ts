import type { Observation } from '../analyze/observation.ts';
import { frameText, ownFrame } from '../analyze/stacks.ts';
import { between, servesRequest, type Wait, waitsOf, waitsSeen } from '../analyze/waits.ts';
import { formatNs } from '../lib/units.ts';
import { claim } from './claim.ts';
import { blind, type Look, sight, withoutPprof, withoutScheduler } from './rule.ts';

/** Goroutines seen in a place, over all snapshots: fewer are chance. */
const fewestSightings = 3;
/** In the one look of netprobe: with fewer, a place that most go through may be empty by chance. */
const fewestSeen = 3;
/** For each request under way, over the window: one that begins, and one that follows. */
const fewestReads = 2;
/** Who answers requests reads as often as it writes, and once more in vain; who streams only writes. */
const fewestReadsPerWrite = 0.75;
/** Of the requests under way: below, another place explains more. */
const leastShare = 0.3;

/** Requests under way, and those of them that wait in some way. */
interface Occupancy {
  underWay: number;
  waiting: number;
  places: Wait[];
}

function occupancy(waits: readonly Wait[], which: (wait: Wait) => boolean): Occupancy {
  const serving = waits.filter(servesRequest);
  const places = serving.filter(which).sort((a, b) => b.goroutines - a.goroutines);
  const sum = (all: readonly Wait[]) => all.reduce((total, wait) => total + wait.goroutines, 0);
  return { underWay: sum(serving), waiting: sum(places), places };
}

/**
 * Where requests stand while they are under way, from both views: the runtime's snapshots, and what
 * netprobe read from the process's memory. By Little's law the mean number that waits in a place is
 * their rate times how long each waits there, so that a share of it is a share of the latency.
 */
export function waitingRequests(
  seen: Observation,
  {
    which,
    what,
    leastNs,
  }: {
    which: (wait: Wait) => boolean;
    /** «wait for a lock». */
    what: string;
    /** For how long a request has to stand there before it is worth a word. */
    leastNs: number;
  },
): Look {
  const snapshots = seen.runtime.goroutines;
  const inside = occupancy(waitsOf(snapshots), which);
  const details = seen.scheduler?.goroutines;
  const outside = details ? occupancy(waitsSeen(details), which) : null;
  const perRequestNs = waitPerRequest(seen, inside.waiting);
  const shows = ({ underWay, waiting }: Occupancy) =>
    waiting >= leastShare * underWay && !streams(seen, underWay);
  const place = inside.places[0] ?? outside?.places[0];
  return {
    kernel:
      outside === null
        ? withoutScheduler(seen)
        : outside.underWay < fewestSeen
          ? blind(
              `${outside.underWay} requests were under way when netprobe looked, too few to tell where they stand`,
            )
          : sight(shows(outside), [
              claim({
                source: 'eBPF, goroutines',
                quantity: 'goroutines',
                value: outside.waiting,
                unit: 'count',
                of: `${outside.underWay} requests under way at the end of the slice`,
                windowNs: seen.scheduler?.windowNs ?? 0,
                says: `${outside.waiting} of ${outside.underWay} requests under way ${what}`,
                frames: framesOf(outside),
              }),
            ]),
    runtime:
      snapshots.length === 0
        ? withoutPprof(seen, 'goroutine profile, end')
        : sight(
            shows(inside) &&
              inside.waiting * snapshots.length >= fewestSightings &&
              (perRequestNs === null || perRequestNs >= leastNs),
            [
              claim({
                source: 'goroutine profile',
                quantity: 'goroutines',
                value: inside.waiting,
                unit: 'count',
                of: `${inside.underWay.toFixed(1)} requests under way on average`,
                windowNs: seen.windowNs,
                says: `${inside.waiting.toFixed(1)} of ${inside.underWay.toFixed(1)} requests under way ${what}, mean of ${snapshots.length} snapshots`,
                frames: framesOf(inside),
              }),
            ],
          ),
    weight: inside.underWay > 0 ? inside.waiting / inside.underWay : 0,
    summary: `${inside.waiting.toFixed(1)} of ${inside.underWay.toFixed(1)} requests under way ${what}${perRequestNs === null ? '' : `, about ${formatNs(perRequestNs)} each`}, most at ${frameText(place && ownFrame(place))}`,
  };
}

/**
 * Time that a request spends in a place, from below: mean number there ÷ rate (Little's law), with the
 * rate taken as that of all writes, of which each request needs at least one.
 * @returns null where writes were not counted
 */
function waitPerRequest(seen: Observation, waiting: number): number | null {
  const writes = countCalls(seen, writing);
  return seen.kernel === null || writes === null || writes === 0
    ? null
    : (waiting * seen.kernel.windowNs) / writes;
}

/**
 * Streams and long polls wait by design: where hardly anything is read, what is under way are no requests
 * that take long. False where calls were not counted.
 */
function streams(seen: Observation, underWay: number): boolean {
  const [reads, writes] = [countCalls(seen, reading), countCalls(seen, writing)];
  return (
    reads !== null &&
    writes !== null &&
    (reads < fewestReads * underWay || reads < fewestReadsPerWrite * writes)
  );
}

const reading = ['read', 'readv', 'recvfrom', 'recvmsg'];
const writing = ['write', 'writev', 'sendto', 'sendmsg'];

/** In the window; null where system calls were not counted. */
function countCalls({ kernel }: Observation, names: readonly string[]): number | null {
  const calls = kernel?.probe.syscalls;
  return calls ? names.reduce((sum, name) => sum + (calls[name] ?? 0), 0) : null;
}

function framesOf({ places }: Occupancy): string[] {
  return (places[0]?.frames ?? []).map((frame) => frameText(frame));
}

/** Functions of Go's own packages under which a wait has a cause of its own. */
const peers =
  /^net\/http\.\(\*(persistConn|Transport|http2\w+|Client)\)\.|^net\.\(\*(conn|TCPConn|netFD|sysDialer|Dialer)\)\./;
export const resolver =
  /^net\.\(\*Resolver\)\.|^net\.\(\*?(dnsPacketConn|dnsStreamConn)|^internal\/singleflight\./;

/** In the client of net/http, which nobody uses but to ask a peer. */
export function isAtClient(wait: Wait): boolean {
  return between(wait).some((name) =>
    /^net\/http\.\(\*(persistConn|Transport|http2\w+|Client)\)\./.test(name),
  );
}

export function isAtPeer(wait: Wait): boolean {
  return !isAtResolver(wait) && between(wait).some((name) => peers.test(name));
}

export function isAtResolver(wait: Wait): boolean {
  return wait.frames.some(({ function: name }) => resolver.test(name));
}
