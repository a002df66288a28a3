import type { Observation } from '../analyze/observation.ts';
import { frameText, ownFrame } from '../analyze/stacks.ts';
import {
  between,
  repliesTraced,
  servesRequest,
  type Wait,
  waitsOf,
  waitsSeen,
  waitsTraced,
} from '../analyze/waits.ts';
import { formatNs } from '../lib/units.ts';
import { claim } from './claim.ts';
import type { Evidence } from './finding.ts';
import { blind, type Look, type Sight, sight, withoutPprof, withoutScheduler } from './rule.ts';

/** Goroutines seen in a place, over all snapshots: fewer are chance. */
const fewestSightings = 3;
/** In all looks of netprobe: with fewer, a place that most go through may be empty by chance. */
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

interface Question {
  which: (wait: Wait) => boolean;
  /** What of it the kernel's view has to see, where not all of it tells a fault. */
  proof?: { which: (wait: Wait) => boolean; what: string };
  /** «wait for a lock». */
  what: string;
  /** What an execution trace calls the time that they wait. */
  quantity: 'network-time' | 'channel-time' | 'lock-time';
  /** For how long a request has to stand there before it is worth a word. */
  leastNs: number;
}

/**
 * Where requests stand while they are under way, from both views: the runtime's trace, or its snapshots,
 * and what netprobe read from the process's memory. By Little's law the mean number that waits in a place
 * is their rate times how long each waits there, so that a share of it is a share of the latency.
 */
export function waitingRequests(seen: Observation, question: Question): Look {
  const { which, what, proof = question } = question;
  const { scheduler, runtime } = seen;
  const snapshots = occupancy(waitsOf(runtime.goroutines), which);
  const traced = waitsTraced(runtime);
  const inside = traced === null ? snapshots : occupancy(traced, which);
  const outside = scheduler?.goroutines
    ? occupancy(waitsSeen(scheduler.goroutines), proof.which)
    : undefined;
  const eachNs = waitPerRequest(seen, inside.waiting);
  // Only a trace has no lines.
  const place = [snapshots, outside, inside].flatMap((one) => one?.places[0] ?? [])[0];
  return {
    kernel: memorySight(seen, outside, proof.what),
    runtime: runtimeSight(seen, { ...question, snapshots, traced: traced && inside }),
    weight: inside.underWay > 0 ? inside.waiting / inside.underWay : 0,
    summary: `${inside.waiting.toFixed(1)} of ${inside.underWay.toFixed(1)} requests under way ${what}${eachNs === null ? '' : `, about ${formatNs(eachNs)} each`}, most at ${frameText(place && ownFrame(place))}`,
  };
}

/** Whether waiting there is much of what requests do. */
function isMuch(seen: Observation, { underWay, waiting }: Occupancy): boolean {
  return waiting > 0 && waiting >= leastShare * underWay && !streams(seen, underWay);
}

function memorySight(seen: Observation, outside: Occupancy | undefined, what: string): Sight {
  const details = seen.scheduler?.goroutines;
  if (outside === undefined || !details) {
    return withoutScheduler(seen);
  }
  const looks = Math.max(1, details.looks ?? 0);
  if (outside.underWay * looks < fewestSeen) {
    return blind(
      `${Math.round(outside.underWay * looks)} requests were under way when netprobe looked, too few to tell where they stand`,
    );
  }
  const mean = looks > 1 ? `, mean of ${looks} looks` : '';
  const digits = looks > 1 ? 1 : 0;
  return sight(isMuch(seen, outside), [
    claim({
      source: 'eBPF, goroutines',
      quantity: 'goroutines',
      value: outside.waiting,
      unit: 'count',
      of: `${outside.underWay.toFixed(digits)} requests under way in the slice`,
      windowNs: seen.scheduler?.windowNs ?? 0,
      says: `${outside.waiting.toFixed(digits)} of ${outside.underWay.toFixed(digits)} requests under way ${what}${mean}`,
      frames: framesOf(outside),
    }),
  ]);
}

/** A trace decides where there is one: what it says is no sample. */
function runtimeSight(
  seen: Observation,
  {
    what,
    quantity,
    leastNs,
    snapshots,
    traced,
  }: Question & { snapshots: Occupancy; traced: Occupancy | null },
): Sight {
  const { goroutines, trace } = seen.runtime;
  const evidence: Evidence[] = [];
  if (traced !== null && trace !== null) {
    evidence.push(
      claim({
        source: 'execution trace',
        quantity,
        value: Math.round(traced.waiting * trace.durationNs),
        unit: 'ns',
        of: `${formatNs(traced.underWay * trace.durationNs)} that requests were under way`,
        windowNs: trace.durationNs,
        says: `of ${formatNs(traced.underWay * trace.durationNs)} that requests were under way in ${formatNs(trace.durationNs)}, for ${formatNs(traced.waiting * trace.durationNs)} they ${what}`,
        frames: framesOf(traced),
      }),
    );
  }
  if (goroutines.length > 0) {
    evidence.push(
      claim({
        source: 'goroutine profile',
        quantity: 'goroutines',
        value: snapshots.waiting,
        unit: 'count',
        of: `${snapshots.underWay.toFixed(1)} requests under way on average`,
        windowNs: seen.windowNs,
        says: `${snapshots.waiting.toFixed(1)} of ${snapshots.underWay.toFixed(1)} requests under way ${what}, mean of ${goroutines.length} snapshots`,
        frames: framesOf(snapshots),
      }),
    );
  }
  if (evidence.length === 0) {
    return withoutPprof(seen, 'goroutine profile, end');
  }
  const decides = traced ?? snapshots;
  const eachNs = waitPerRequest(seen, decides.waiting);
  return sight(
    isMuch(seen, decides) &&
      (traced !== null || snapshots.waiting * goroutines.length >= fewestSightings) &&
      (eachNs === null || eachNs >= leastNs),
    evidence,
  );
}

/**
 * Time that a request spends in a place: mean number there ÷ rate (Little's law). The rate is that of
 * replies in the trace; else that of all writes, of which each request needs at least one: from below.
 * @returns null where neither was counted
 */
function waitPerRequest(
  { kernel, runtime: { trace } }: Observation,
  waiting: number,
): number | null {
  const replies = trace === null ? 0 : repliesTraced(trace);
  if (trace !== null && replies > 0) {
    return (waiting * trace.durationNs) / replies;
  }
  const writes = countCalls(kernel, writing);
  return kernel === null || writes === null || writes === 0
    ? null
    : (waiting * kernel.windowNs) / writes;
}

/**
 * Streams and long polls wait by design: where hardly anything is read, what is under way are no requests
 * that take long. False where calls were not counted.
 */
function streams({ kernel }: Observation, underWay: number): boolean {
  const [reads, writes] = [countCalls(kernel, reading), countCalls(kernel, writing)];
  return (
    reads !== null &&
    writes !== null &&
    (reads < fewestReads * underWay || reads < fewestReadsPerWrite * writes)
  );
}

const reading = ['read', 'readv', 'recvfrom', 'recvmsg'];
const writing = ['write', 'writev', 'sendto', 'sendmsg'];

/** In the window; null where system calls were not counted. */
function countCalls(kernel: Observation['kernel'], names: readonly string[]): number | null {
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
