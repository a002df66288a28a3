import { profiledShare } from '../cpu.ts';
import type { Rule } from '../rule.ts';
import { smallCalls, smallCallsSight, smallCallsSummary } from '../small-calls.ts';

const many = { fewestPerSec: 100, fewestPerConnection: 20, leastPerOpposite: 3 };
const writing = {
  under: /^(syscall\.(write|Write|Sendto|writev)|internal\/poll\.\(\*FD\)\.(Write|Writev))$/,
  least: 0.2,
  what: 'in writes',
};

export const smallWrites: Rule = {
  cause: 'small-writes',
  meaning: 'data goes out in many small writes',
  remedy: 'put a bufio.Writer in between and flush it once, or hand all parts to net.Buffers',
  leads: 'kernel',
  look(seen) {
    const found = smallCalls(seen, 'write');
    const inside = profiledShare(seen, writing);
    return {
      kernel: smallCallsSight(seen, 'write', found, many),
      runtime: inside.sight,
      weight: inside.share,
      summary: smallCallsSummary('write', found),
    };
  },
};
