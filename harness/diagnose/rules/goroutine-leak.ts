import type { Observation } from '../../analyze/observation.ts';
import { frameText, ownFrame, type Stack } from '../../analyze/stacks.ts';
import { waitsOf } from '../../analyze/waits.ts';
import { claim } from '../claim.ts';
import { blind, type Rule, type Sight, sight, withoutPprof, withoutScheduler } from '../rule.ts';

/** Fewer may be a pool that fills up. */
const fewestGrown = 10;
const leastShareGrown = 0.05;
/** One that reads, one that writes, and one more. */
const mostPerConnection = 3;
/** A leak grows all the time: each half of the window brings at least so much of all. */
const leastShareOfHalf = 0.2;
const fewestCandidates = 3;

/** Goroutines that a connection needs: with it they come and go, and are not what leaks. */
const ofConnections = /^net\/http\.|^google\.golang\.org\/grpc\/internal\/transport\./;

export const goroutineLeak: Rule = {
  cause: 'goroutine-leak',
  meaning: 'goroutines are started and never end',
  remedy:
    'give each goroutine a way out: a context that is cancelled (defer cancel()), a channel that is closed, a buffered channel for a result that nobody may want',
  leads: 'either',
  follows: ['timer-storm', 'starvation'],
  look(seen) {
    const grown = growth(seen);
    const sites = (seen.scheduler?.goroutines?.sites ?? [])
      .filter((site) => site.leakCandidates > 0 && !ofConnections.test(site.start.function))
      .sort((a, b) => b.leakCandidates - a.leakCandidates);
    const candidates = sites.reduce((sum, site) => sum + site.leakCandidates, 0);
    const site = sites[0];
    const place = grown?.worst ? ownFrame(grown.worst) : site?.goStatement;
    return {
      kernel: outside(seen, candidates, site?.goStatement),
      runtime: inside(seen, grown),
      weight:
        grown && grown.last > 0 ? Math.max(0, grown.more) / grown.last : candidates > 0 ? 0.1 : 0,
      summary: `${Math.round(grown?.more ?? candidates)} goroutines more at the end of the window than at its beginning, most at ${frameText(place)}`,
    };
  },
};

interface Growth {
  more: number;
  last: number;
  steady: boolean;
  worst: Stack | undefined;
}

/** Over the snapshots, without the goroutines that belong to connections. */
function growth({ runtime: { goroutines: snapshots } }: Observation): Growth | null {
  if (snapshots.length < 3) {
    return null;
  }
  const counted = snapshots.map((snapshot) =>
    waitsOf([snapshot]).filter(
      ({ frames }) => !frames.some((frame) => ofConnections.test(frame.function)),
    ),
  );
  const totals = counted.map((waits) => waits.reduce((sum, wait) => sum + wait.goroutines, 0));
  const [first = 0, middle = 0, last = 0] = [0, totals.length >> 1, totals.length - 1].map(
    (at) => totals[at],
  );
  const more = last - first;
  const before = new Map((counted[0] ?? []).map((wait) => [keyOf(wait), wait.goroutines]));
  const worst = (counted.at(-1) ?? [])
    .map((wait) => ({ wait, more: wait.goroutines - (before.get(keyOf(wait)) ?? 0) }))
    .sort((a, b) => b.more - a.more)[0]?.wait;
  return {
    more,
    last,
    steady: Math.min(middle - first, last - middle) >= leastShareOfHalf * more,
    worst: worst && { frames: worst.frames, value: worst.goroutines },
  };
}

function keyOf({ frames }: { frames: Stack['frames'] }): string {
  return frames.map((frame) => `${frame.function}:${frame.line}`).join('\n');
}

function inside(seen: Observation, grown: Growth | null): Sight {
  if (grown === null) {
    return withoutPprof(seen, 'goroutine profile, end');
  }
  const { more, last, steady, worst } = grown;
  // Goroutines that came with connections that stay are no leak, whatever serves these.
  const { proc } = seen;
  const arrived = proc === null ? 0 : proc.end.sockets.established - proc.begin.sockets.established;
  const most = Math.max(fewestGrown, leastShareGrown * last);
  return sight(more - mostPerConnection * Math.max(0, arrived) >= most && steady, [
    claim({
      source: 'goroutine profile',
      quantity: 'goroutines',
      value: more,
      unit: 'count',
      of: `${last} goroutines at the end, those of connections left out`,
      windowNs: seen.windowNs,
      says: `${more >= 0 ? '+' : ''}${more} goroutines over the window, ${last} at its end${steady && more > 0 ? ', in both of its halves' : ''}`,
      frames: (worst?.frames ?? []).map((frame) => frameText(frame)),
    }),
  ]);
}

function outside(
  seen: Observation,
  candidates: number,
  place: Stack['frames'][number] | undefined,
): Sight {
  const slice = seen.scheduler;
  if (slice === null) {
    return withoutScheduler(seen);
  }
  if (slice.goroutines === null || slice.goroutines.atEnd === null) {
    return blind('goroutines cannot be read from the memory of the process');
  }
  const { births } = slice.goroutines;
  return sight(candidates >= fewestCandidates, [
    claim({
      source: 'eBPF, goroutines',
      quantity: 'goroutines',
      value: candidates,
      unit: 'count',
      of: `${births} goroutines born in the slice`,
      windowNs: slice.windowNs,
      says: `${candidates} of ${births} goroutines born in the slice live on and are older than ${(slice.goroutines.leakAgeNs / 1e9).toFixed(1)} s`,
      frames: place === undefined ? [] : [frameText(place)],
    }),
  ]);
}
