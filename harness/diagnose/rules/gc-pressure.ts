import { profiledShare, sampledShare } from '../cpu.ts';
import type { Rule } from '../rule.ts';

/** The collector is paced to a quarter of the CPUs (GOGC=100) while it runs, and should rest in between. */
const leastShare = 0.25;
const collecting = {
  under:
    /^runtime\.(gcBgMarkWorker|gcAssistAlloc|gcDrain\w*|bgsweep|gcStart|gcMarkDone|gcMarkTermination|bgscavenge|sweepone|markroot|scanobject|greyobject)$/,
  // Its idle workers take only CPUs that nobody else wants.
  except: /^runtime\.gcDrainMarkWorkerIdle$/,
  least: leastShare,
  what: 'in the garbage collector',
};

export const gcPressure: Rule = {
  cause: 'gc-pressure',
  meaning: 'the garbage collector takes a large part of the CPU time',
  remedy:
    'allocate less (the heap profile with sample type alloc_space names the places), reuse buffers, or let the heap grow: GOGC, GOMEMLIMIT',
  leads: 'either',
  look(seen) {
    const inside = profiledShare(seen, collecting);
    const outside = sampledShare(seen, collecting);
    const share = Math.max(inside.share, outside.share);
    return {
      kernel: outside.sight,
      runtime: inside.sight,
      weight: share,
      summary: `${(100 * share).toFixed(0)} % of CPU time goes to the garbage collector`,
    };
  },
};
