import { profiledShare } from '../cpu.ts';
import type { Rule } from '../rule.ts';
import { smallCalls, smallCallsSight, smallCallsSummary } from '../small-calls.ts';

/** Files are read without a connection, so those are no measure. */
const many = { fewestPerSec: 1_000, fewestPerConnection: 0, leastPerOpposite: 8 };
const reading = {
  under:
    /^(syscall\.(read|Read|Pread|pread|recvfrom|Recvfrom)|internal\/poll\.\(\*FD\)\.(Read|Pread))$/,
  least: 0.2,
  what: 'in reads',
};

export const smallReads: Rule = {
  cause: 'small-reads',
  meaning: 'data is read in many small pieces, with a system call for each',
  remedy: 'put a bufio.Reader in between, or read into a buffer that holds more',
  leads: 'kernel',
  look(seen) {
    const found = smallCalls(seen, 'read');
    const inside = profiledShare(seen, reading);
    return {
      kernel: smallCallsSight(seen, 'read', found, many),
      runtime: inside.sight,
      weight: inside.share,
      summary: smallCallsSummary('read', found),
    };
  },
};
