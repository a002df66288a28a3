import type { Unit } from '../lib/units.ts';
import type { Evidence } from './finding.ts';

/**
 * What each source can show. A claim of anything else does not compile: Go's block profile never
 * sees a goroutine wait for the network (`netpollblock` records no blocking event), a CPU profile
 * knows nothing of waiting, and a snapshot of goroutines has no durations.
 */
interface Shows {
  'eBPF, descriptors': 'descriptors';
  'eBPF, TCP': 'connections' | 'retransmits' | 'held-writes';
  'eBPF, HTTP/2': 'streams';
  'eBPF, system calls': 'calls' | 'call-time';
  'eBPF, netpoller': 'polls';
  'eBPF, wake-ups': 'run-queue-time';
  'eBPF, goroutines': 'goroutines';
  'eBPF, on CPU': 'cpu-time';
  'eBPF, io_uring': 'ring-requests' | 'ring-completions';
  '/proc':
    | 'cpu-time'
    | 'descriptors'
    | 'connections'
    | 'run-queue-time'
    | 'throttling'
    | 'bytes'
    | 'ring-completions';
  'CPU profile': 'cpu-time';
  'goroutine profile': 'goroutines';
  'heap profile': 'objects';
  'mutex profile': 'lock-time';
  'block profile': 'lock-time' | 'channel-time';
  'execution trace':
    | 'network-time'
    | 'channel-time'
    | 'lock-time'
    | 'run-queue-time'
    | 'call-time'
    | 'running-time';
}
export type Source = keyof Shows;

const views: Record<Source, Evidence['view']> = {
  'eBPF, descriptors': 'kernel',
  'eBPF, TCP': 'kernel',
  'eBPF, HTTP/2': 'kernel',
  'eBPF, system calls': 'kernel',
  'eBPF, netpoller': 'kernel',
  'eBPF, wake-ups': 'kernel',
  'eBPF, goroutines': 'kernel',
  'eBPF, on CPU': 'kernel',
  'eBPF, io_uring': 'kernel',
  '/proc': 'kernel',
  'CPU profile': 'runtime',
  'goroutine profile': 'runtime',
  'heap profile': 'runtime',
  'mutex profile': 'runtime',
  'block profile': 'runtime',
  'execution trace': 'runtime',
};

/** How each source comes to its numbers; the reader of a number must know. */
const samplings: Record<Source, string> = {
  'eBPF, descriptors': 'every call',
  'eBPF, TCP': 'every change of state, every write',
  'eBPF, HTTP/2': 'every stream, in a slice of the window',
  'eBPF, system calls': 'every call',
  'eBPF, netpoller': 'every poll',
  'eBPF, wake-ups': 'every wake-up, in a slice of the window',
  'eBPF, goroutines':
    'every birth and death in a slice of the window; waits in looks spread over it',
  'eBPF, on CPU': '99 samples a second and CPU',
  'eBPF, io_uring': 'every request and completion',
  '/proc': 'at both ends of the window',
  'CPU profile': '100 samples a second of CPU time',
  'goroutine profile': 'snapshots, evenly spread over the window',
  'heap profile': 'one sample in 512 KiB allocated, scaled',
  'mutex profile': 'the rate that the program has set, scaled',
  'block profile': 'the rate that the program has set, scaled',
  'execution trace': 'every event, in a slice of the window',
};

export interface ClaimFigures<S extends Source> {
  source: S;
  quantity: Shows[S];
  /** In the base unit: ns, bytes or a count. */
  value: number;
  unit: Unit;
  /** What the value is a part of, or per what: «the window», «goroutines in handlers». */
  of: string;
  windowNs: number;
  /** The sentence, with figures. */
  says: string;
  /** Stack or sockets behind it, the nearest to the cause first. */
  frames?: readonly string[];
}

/** A piece of evidence as a claim card: the sentence with all that is needed to dispute it. */
export function claim<S extends Source>(figures: ClaimFigures<S>): Evidence {
  const { source, quantity, value, unit, of, windowNs, says, frames = [] } = figures;
  return {
    view: views[source],
    source,
    says,
    card: {
      quantity,
      value,
      unit,
      of,
      sampling: samplings[source],
      windowNs: Math.round(windowNs),
      frames: frames.slice(0, 12),
    },
  };
}
