import type { Observation } from '../../analyze/observation.ts';
import { frameText, ownFrame, type Stacks } from '../../analyze/stacks.ts';
import type { FdleakDetails } from '../../capture/probes/fdleak.ts';
import { claim } from '../claim.ts';
import { blind, type Rule, type Sight, sight, withoutKernel, withoutPprof } from '../rule.ts';

type Origin = FdleakDetails['origins'][number];

/** Fewer may be a pool that fills up. */
const fewestLeaked = 5;
/** A leak goes on: of each of the first three quarters at least this share of the fullest is open. */
const leastShareOfQuarter = 0.25;
/** Of what was opened: a server whose clients stay opens as many, and has them in use. */
const fewestHeapSamples = 3;
/** A descriptor's own objects in Go, as `net.(*netFD)` or `os.(*file)`: about 200 bytes. */
const bytesPerDescriptor = 200;
const heapSampleBytes = 512 * 1024;

export const descriptorLeak: Rule = {
  cause: 'fd-leak',
  meaning: 'descriptors are opened and never closed',
  remedy:
    'close them on every path: defer resp.Body.Close(), conn.Close(), file.Close(), and every duplicate that File() or dup makes',
  leads: 'kernel',
  look(seen) {
    const descriptors = seen.kernel?.descriptors;
    const leaking = (descriptors?.origins ?? []).filter((origin) => leaks(origin, seen));
    const open = leaking.reduce((sum, origin) => sum + origin.openAtEnd, 0);
    const worst = [...leaking].sort((a, b) => b.openAtEnd - a.openAtEnd)[0];
    const place = frameText(worst && ownFrame({ frames: worst.stack }));
    const perSec = open / ((seen.kernel?.windowNs ?? 1) / 1e9);
    return {
      kernel: outside(seen, leaking, open),
      runtime: inside(seen, leaking, open),
      // Whatever the load, the limit of descriptors ends the process: it ranks before what is slow.
      weight: open > 0 ? 1 : 0,
      summary: `${open} descriptors (${kindsOf(leaking)}) opened in the window were never closed, ${perSec.toFixed(1)} a second, most at ${place}`,
    };
  },
};

function leaks(origin: Origin, seen: Observation): boolean {
  const [first = 0, second = 0, third = 0] = origin.openByQuarter;
  const fullest = Math.max(first, second, third);
  const steady = Math.min(first, second, third) >= Math.max(1, leastShareOfQuarter * fullest);
  return origin.openAtEnd >= fewestLeaked && steady && !isInUse(origin, seen);
}

/**
 * Connections that clients opened and keep are as many as they like; they leak when their peers have
 * closed them and this process has not.
 */
function isInUse(origin: Origin, { proc }: Observation): boolean {
  if (origin.kind !== 'accept') {
    return false;
  }
  const abandoned = proc === null ? 0 : proc.end.sockets.closeWait - proc.begin.sockets.closeWait;
  return abandoned < origin.openAtEnd / 2;
}

function kindsOf(origins: readonly Origin[]): string {
  const kinds = new Map<string, number>();
  for (const { kind, openAtEnd } of origins) {
    kinds.set(kind, (kinds.get(kind) ?? 0) + openAtEnd);
  }
  return [...kinds].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none';
}

function outside(seen: Observation, leaking: readonly Origin[], open: number): Sight {
  const { kernel, proc } = seen;
  if (kernel === null) {
    return withoutKernel(seen);
  }
  if (kernel.descriptors === null) {
    return blind('netprobe did not watch descriptors');
  }
  const opened = kernel.descriptors.origins.reduce((sum, origin) => sum + origin.opened, 0);
  const stale = kernel.descriptors.epollOutlivingClose.count;
  const worst = [...leaking].sort((a, b) => b.openAtEnd - a.openAtEnd)[0];
  const evidence = [
    claim({
      source: 'eBPF, descriptors',
      quantity: 'descriptors',
      value: open,
      unit: 'count',
      of: `${opened} opened in the window`,
      windowNs: kernel.windowNs,
      says: `${open} of ${opened} descriptors opened in the window stay open, in every quarter of it`,
      frames: (worst?.stack ?? []).map((frame) => frameText(frame)),
    }),
  ];
  if (stale > 0) {
    evidence.push(
      claim({
        source: 'eBPF, descriptors',
        quantity: 'descriptors',
        value: stale,
        unit: 'count',
        of: 'closes of registered descriptors',
        windowNs: kernel.windowNs,
        says: `${stale} registrations in epoll outlive the close of their descriptor, which a duplicate keeps open`,
      }),
    );
  }
  if (proc?.begin.descriptors && proc.end.descriptors) {
    const count = (all: Record<string, number>) => Object.values(all).reduce((a, b) => a + b, 0);
    const [before, after] = [count(proc.begin.descriptors), count(proc.end.descriptors)];
    evidence.push(
      claim({
        source: '/proc',
        quantity: 'descriptors',
        value: after - before,
        unit: 'count',
        of: `${after} open at the end`,
        windowNs: seen.windowNs,
        says: `/proc/PID/fd went from ${before} to ${after} descriptors`,
      }),
    );
  }
  return sight(open > 0, evidence);
}

/** Objects that live on at the frame that opened, and goroutines that connections keep. */
function inside(seen: Observation, leaking: readonly Origin[], open: number): Sight {
  const { heap, goroutines } = seen.runtime;
  if (heap === null || goroutines.length < 2) {
    return withoutPprof(seen, 'heap profile, end');
  }
  const places = new Set(
    leaking.flatMap((origin) => ownFrame({ frames: origin.stack })?.function ?? []),
  );
  const objects = atPlaces(heap.end, places) - atPlaces(heap.begin, places);
  const transport = /^net\/http\.\(\*persistConn\)\.readLoop$/;
  const kept = (stacks: Stacks | undefined) =>
    (stacks?.stacks ?? [])
      .filter(({ frames }) => frames.some((frame) => transport.test(frame.function)))
      .reduce((sum, { value }) => sum + value, 0);
  const more = kept(goroutines.at(-1)) - kept(goroutines[0]);
  const evidence = [
    claim({
      source: 'heap profile',
      quantity: 'objects',
      value: objects,
      unit: 'count',
      of: 'live objects',
      windowNs: seen.windowNs,
      says: `${objects >= 0 ? '+' : ''}${objects} live objects allocated under the functions that opened them`,
      frames: [...places],
    }),
    claim({
      source: 'goroutine profile',
      quantity: 'goroutines',
      value: more,
      unit: 'count',
      of: 'goroutines that read from connections of net/http clients',
      windowNs: seen.windowNs,
      says: `${more >= 0 ? '+' : ''}${more} goroutines that read from connections of net/http clients`,
    }),
  ];
  const shows = open > 0 && (objects >= open / 4 || more >= open / 4);
  const samples = (open * bytesPerDescriptor) / heapSampleBytes;
  if (!shows && open > 0 && samples < fewestHeapSamples) {
    return blind(
      `${open} descriptors are too few for the heap profile, which samples every 512 KiB: a longer window would show them`,
    );
  }
  return sight(shows, evidence);
}

function atPlaces({ stacks }: Stacks, places: ReadonlySet<string>): number {
  return stacks
    .filter(({ frames }) => frames.some((frame) => places.has(frame.function)))
    .reduce((sum, { value }) => sum + value, 0);
}
