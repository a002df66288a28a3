import type { Observation } from '../analyze/observation.ts';
import { claim } from './claim.ts';
import { blind, type Sight, sight, withoutKernel } from './rule.ts';

/** Mean over all calls of the direction, from /proc/PID/io: of real data they fill a segment or a page. */
const mostBytes = 512;

const names = {
  write: ['write', 'writev', 'sendto', 'sendmsg'],
  read: ['read', 'readv', 'recvfrom', 'recvmsg'],
} as const;
const opposite = { write: 'read', read: 'write' } as const;
type Direction = keyof typeof names;

/** From when on calls of one direction are many. */
export interface Many {
  fewestPerSec: number;
  /** A message now and then to each of many clients cannot be put together. */
  fewestPerConnection: number;
  /** For each call of the other direction: a request is a read, one in vain, and a write. */
  leastPerOpposite: number;
}

export interface SmallCalls {
  perSec: number;
  perConnection: number;
  perOpposite: number;
  bytes: number;
}

/** Null where system calls or /proc/PID/io were not read. */
export function smallCalls({ kernel, proc }: Observation, direction: Direction): SmallCalls | null {
  const calls = kernel?.probe.syscalls;
  const moved = direction === 'write' ? 'writtenBytes' : 'readBytes';
  const [before, after] = [proc?.begin[moved] ?? null, proc?.end[moved] ?? null];
  if (!calls || !kernel || proc === null || before === null || after === null) {
    return null;
  }
  const count = (all: readonly string[]) => all.reduce((sum, name) => sum + (calls[name] ?? 0), 0);
  const own = count(names[direction]);
  const perSec = own / (kernel.windowNs / 1e9);
  return {
    perSec,
    perConnection: perSec / Math.max(1, proc.end.sockets.established),
    perOpposite: own / Math.max(1, count(names[opposite[direction]])),
    bytes: own > 0 ? (after - before) / own : 0,
  };
}

/** What the kernel counted: many calls, and little in each. */
export function smallCallsSight(
  seen: Observation,
  direction: Direction,
  found: SmallCalls | null,
  many: Many,
): Sight {
  if (seen.kernel === null) {
    return withoutKernel(seen);
  }
  if (found === null) {
    return blind('system calls or /proc/PID/io were not read');
  }
  const { perSec, perConnection, perOpposite, bytes } = found;
  const isMany =
    perSec >= many.fewestPerSec &&
    perConnection >= many.fewestPerConnection &&
    perOpposite >= many.leastPerOpposite;
  return sight(isMany && bytes <= mostBytes, [
    claim({
      source: 'eBPF, system calls',
      quantity: 'calls',
      value: perSec,
      unit: 'perSec',
      of: 'the window',
      windowNs: seen.kernel.windowNs,
      says: `${Math.round(perSec)} ${direction}s a second, ${Math.round(perConnection)} on each open connection, ${perOpposite.toFixed(1)} for each ${opposite[direction]}`,
    }),
    claim({
      source: '/proc',
      quantity: 'bytes',
      value: bytes,
      unit: 'bytes',
      of: `a ${direction}`,
      windowNs: seen.windowNs,
      says: `${Math.round(bytes)} bytes a ${direction} on average`,
    }),
  ]);
}

/** `25297 writes a second of 3 bytes on average, 85.4 for each read`. */
export function smallCallsSummary(direction: Direction, found: SmallCalls | null): string {
  const { perSec = 0, bytes = 0, perOpposite = 0 } = found ?? {};
  return `${Math.round(perSec)} ${direction}s a second of ${Math.round(bytes)} bytes on average, ${perOpposite.toFixed(1)} for each ${opposite[direction]}`;
}
