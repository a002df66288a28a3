import { profiledShare, sampledShare } from '../cpu.ts';
import type { Rule } from '../rule.ts';

/** Timers are cheap: 100 ns to set, as much to fire. */
const leastShare = 0.15;
const timing = {
  under:
    /^runtime\.(\(\*timers?\)\.(run|unlockAndRun|adjust|cleanHead|addHeap|deleteMin|siftUp|siftDown|modify|stop|reset|maybeAdd|initHeap|updateHeap)|timeSleep|newTimer|stopTimer|resetTimer)|^time\.(NewTimer|NewTicker|AfterFunc|After|goFunc|sendTime|Sleep)$|^time\.\(\*(Timer|Ticker)\)\./,
  least: leastShare,
  what: 'in timers',
};

export const timerStorm: Rule = {
  cause: 'timer-storm',
  meaning: 'very many timers are set and fire',
  remedy:
    'one timer for many deadlines (a wheel, or one ticker and a list), Reset instead of a new one, or a coarser period',
  leads: 'either',
  look(seen) {
    const inside = profiledShare(seen, timing);
    const outside = sampledShare(seen, timing);
    const share = Math.max(inside.share, outside.share);
    return {
      kernel: outside.sight,
      runtime: inside.sight,
      weight: share,
      summary: `${(100 * share).toFixed(0)} % of CPU time goes to timers`,
    };
  },
};
