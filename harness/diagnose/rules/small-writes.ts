import type { Observation } from '../../analyze/observation.ts';
import { claim } from '../claim.ts';
import { profiledShare } from '../cpu.ts';
import { blind, type Rule, type Sight, sight, withoutKernel } from '../rule.ts';

/** A request is a read and a write; streams of real data fill a segment. */
const leastPerRead = 3;
const mostBytes = 512;
const fewestPerSec = 100;
/** On each connection: a message now and then to each of many clients cannot be put together. */
const fewestPerConnection = 20;

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
    const found = writes(seen);
    const inside = profiledShare(seen, writing);
    return {
      kernel: outside(seen, found),
      runtime: inside.sight,
      weight: inside.share,
      summary: `${Math.round(found?.perSec ?? 0)} writes a second of ${Math.round(found?.bytes ?? 0)} bytes on average, ${(found?.perRead ?? 0).toFixed(1)} for each read`,
    };
  },
};

interface Writes {
  perSec: number;
  perConnection: number;
  perRead: number;
  /** Mean over all writes, from /proc/PID/io. */
  bytes: number;
}

function writes({ kernel, proc }: Observation): Writes | null {
  const calls = kernel?.probe.syscalls;
  const [before, after] = [proc?.begin.writtenBytes ?? null, proc?.end.writtenBytes ?? null];
  if (!calls || !kernel || proc === null || before === null || after === null) {
    return null;
  }
  const count = (names: string[]) => names.reduce((sum, name) => sum + (calls[name] ?? 0), 0);
  const out = count(['write', 'writev', 'sendto', 'sendmsg']);
  const inward = count(['read', 'readv', 'recvfrom', 'recvmsg']);
  const perSec = out / (kernel.windowNs / 1e9);
  return {
    perSec,
    perConnection: perSec / Math.max(1, proc.end.sockets.established),
    perRead: out / Math.max(1, inward),
    bytes: out > 0 ? (after - before) / out : 0,
  };
}

function outside(seen: Observation, found: Writes | null): Sight {
  if (seen.kernel === null) {
    return withoutKernel(seen);
  }
  if (found === null) {
    return blind('system calls or /proc/PID/io were not read');
  }
  const { perSec, perConnection, perRead, bytes } = found;
  const many = perSec >= fewestPerSec && perConnection >= fewestPerConnection;
  return sight(many && perRead >= leastPerRead && bytes <= mostBytes, [
    claim({
      source: 'eBPF, system calls',
      quantity: 'calls',
      value: perSec,
      unit: 'perSec',
      of: 'the window',
      windowNs: seen.kernel.windowNs,
      says: `${Math.round(perSec)} writes a second, ${Math.round(perConnection)} on each open connection, ${perRead.toFixed(1)} for each read`,
    }),
    claim({
      source: '/proc',
      quantity: 'bytes',
      value: bytes,
      unit: 'bytes',
      of: 'a write',
      windowNs: seen.windowNs,
      says: `${Math.round(bytes)} bytes a write on average`,
    }),
  ]);
}
