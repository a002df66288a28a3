import { profiledShare, sampledShare } from '../cpu.ts';
import type { Rule } from '../rule.ts';

/** A goroutine that yields and finds nothing else to run is back after a microsecond. */
const yielding = {
  under: /^runtime\.(Gosched|gosched_m|goschedImpl|goyield\w*)$/,
  least: 0.1,
  what: 'in runtime.Gosched, which lets others run and comes back at once',
};

export const spin: Rule = {
  cause: 'spin',
  meaning: 'goroutines ask again and again whether there is something to do',
  remedy:
    'let them block until there is: a channel, a sync.Cond, a timer; a loop of select with default and runtime.Gosched burns what it does not need',
  leads: 'either',
  look(seen) {
    const inside = profiledShare(seen, yielding);
    const outside = sampledShare(seen, yielding);
    const share = Math.max(inside.share, outside.share);
    return {
      kernel: outside.sight,
      runtime: inside.sight,
      // The loop around the call burns as much again.
      weight: Math.min(1, 2 * share),
      summary: `${(100 * share).toFixed(0)} % of CPU time goes to goroutines that yield and come back at once`,
    };
  },
};
