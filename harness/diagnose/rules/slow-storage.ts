import type { Observation } from '../../analyze/observation.ts';
import { frameText, ownFrame } from '../../analyze/stacks.ts';
import { waitsOf } from '../../analyze/waits.ts';
import { claim } from '../claim.ts';
import { blind, type Rule, type Sight, sight, withoutKernel, withoutPprof } from '../rule.ts';

/** Calls that can wait for a device. */
const storing =
  /^(read|pread64|readv|preadv|write|pwrite64|writev|pwritev|fsync|open\w*|rename|unlink|fallocate|ftruncate|getdents64|close|sendfile|splice)/;
const fewestCalls = 3;
/** Threads that wait for storage on average. */
const leastThreads = 0.02;

export const slowStorage: Rule = {
  cause: 'slow-storage',
  meaning: 'system calls on files take longer than 5 ms',
  remedy:
    'take the call out of the request (a queue with a bound, one fsync for many), or a faster device; each such call holds a thread',
  leads: 'kernel',
  look(seen) {
    const slow = (seen.kernel?.slowCalls?.stacks ?? [])
      .filter(
        ({ call, fileKind, blockNs }) =>
          storing.test(call) &&
          (/^(regular|directory)$/.test(fileKind) || blockNs > 0 || call === 'fsync'),
      )
      .sort((a, b) => b.totalNs - a.totalNs);
    const totalNs = slow.reduce((sum, { totalNs: ns }) => sum + ns, 0);
    const calls = slow.reduce((sum, { calls: n }) => sum + n, 0);
    const worst = slow[0];
    const place = worst && ownFrame({ frames: worst.frames });
    const threads = totalNs / (seen.kernel?.windowNs ?? 1);
    return {
      kernel: outside(seen, { calls, totalNs, threads }),
      runtime: inside(seen),
      weight: Math.min(1, threads),
      summary: `${calls} calls on files took longer than 5 ms, ${(totalNs / Math.max(1, calls) / 1e6).toFixed(1)} ms each on average, most ${worst?.call ?? ''} at ${frameText(place)}`,
    };
  },
};

function outside(
  seen: Observation,
  { calls, totalNs, threads }: { calls: number; totalNs: number; threads: number },
): Sight {
  if (seen.kernel === null) {
    return withoutKernel(seen);
  }
  if (seen.kernel.slowCalls === null) {
    return blind('netprobe did not time system calls');
  }
  const atDevice = seen.kernel.slowCalls.stacks.reduce((sum, { blockNs }) => sum + blockNs, 0);
  return sight(calls >= fewestCalls && threads >= leastThreads, [
    claim({
      source: 'eBPF, system calls',
      quantity: 'call-time',
      value: totalNs,
      unit: 'ns',
      of: 'all threads',
      windowNs: seen.kernel.windowNs,
      says: `${calls} calls on files above 5 ms, ${(totalNs / 1e6).toFixed(0)} ms together, ${(atDevice / 1e6).toFixed(0)} ms of it at a block device`,
    }),
  ]);
}

function inside(seen: Observation): Sight {
  const { goroutines } = seen.runtime;
  if (goroutines.length === 0) {
    return withoutPprof(seen, 'goroutine profile, end');
  }
  const waiting = waitsOf(goroutines).filter(
    (wait) =>
      wait.kind === 'call' &&
      wait.frames.some(({ function: name }) =>
        /^(os\.\(\*File\)|internal\/poll\.\(\*FD\)\.(Fsync|Pread|Pwrite|Read|Write)|os\.(OpenFile|ReadFile|WriteFile|Rename|Remove)|syscall\.(Fsync|Fdatasync|Pread|Pwrite))/.test(
          name,
        ),
      ) &&
      !wait.frames.some(({ function: name }) => name.startsWith('net.')),
  );
  const mean = waiting.reduce((sum, wait) => sum + wait.goroutines, 0);
  return sight(mean >= leastThreads, [
    claim({
      source: 'goroutine profile',
      quantity: 'goroutines',
      value: mean,
      unit: 'count',
      of: `${goroutines.length} snapshots`,
      windowNs: seen.windowNs,
      says: `${mean.toFixed(1)} goroutines in a system call on a file, mean of ${goroutines.length} snapshots`,
      frames: (waiting[0]?.frames ?? []).map((frame) => frameText(frame)),
    }),
  ]);
}
