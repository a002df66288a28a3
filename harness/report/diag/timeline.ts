import type { SlowTurn, SlowTurns } from '../../analyze/slow-turns.ts';
import { placeOf } from '../../analyze/stacks.ts';
import { formatDuration } from '../../lib/units.ts';

/** Processes of the timeline: what a viewer groups tracks by. */
const goroutines = { pid: 1, name: 'goroutines: Go execution trace' };
const wakeups = { pid: 2, name: 'wake-ups of goroutines: netprobe' };
const threads = { pid: 3, name: 'slow system calls of threads: netprobe' };

/** One event of the Trace Event Format; `ts` and `dur` in µs. */
interface TraceEvent {
  name: string;
  ph: 'X' | 'M';
  pid: number;
  tid: number;
  ts?: number;
  dur?: number;
  cat?: string;
  args?: Record<string, unknown>;
}

/**
 * The slowest turns as JSON for ui.perfetto.dev and chrome://tracing: a track for each goroutine with the
 * states that the runtime saw, one with the wake-ups and one with the slow calls that the kernel saw.
 * Times begin with the first event. Trace Event Format: “JSON Object Format” with complete events (X).
 */
export function renderTimeline({ turns, apart }: SlowTurns): string {
  const originNs = Math.min(
    ...turns.flatMap(({ turn, wakeup, calls }) => [
      ...[turn.beginNs, wakeup?.atNs ?? turn.beginNs],
      ...calls.map(({ atNs }) => atNs),
    ]),
  );
  const events = turns.flatMap((slow, index) => turnEvents(slow, index + 1, originNs));
  const named = [goroutines, wakeups, threads]
    .filter(({ pid }) => events.some((event) => event.pid === pid))
    .flatMap(({ pid, name }) => [
      meta('process_name', pid, 0, name),
      ...[...new Set(events.filter((event) => event.pid === pid).map(({ tid }) => tid))].map(
        (tid) =>
          meta('thread_name', pid, tid, `${pid === threads.pid ? 'thread' : 'goroutine'} ${tid}`),
      ),
    ]);
  const otherData = { monotonicOriginNs: originNs, ...(apart === '' ? {} : { notJoined: apart }) };
  return `${JSON.stringify({ displayTimeUnit: 'ns', otherData, traceEvents: [...named, ...events] }, null, 1)}\n`;
}

function turnEvents(
  { turn, wakeup, calls }: SlowTurn,
  rank: number,
  originNs: number,
): TraceEvent[] {
  const span = (beginNs: number, endNs: number) => ({
    ts: (beginNs - originNs) / 1e3,
    dur: (endNs - beginNs) / 1e3,
  });
  const durationNs = turn.endNs - turn.beginNs;
  return [
    {
      name: `${rank}. slowest: ${formatDuration(durationNs)}, ${placeOf(turn.place)}`,
      ...{ ph: 'X', cat: 'turn', pid: goroutines.pid, tid: turn.goroutine },
      ...span(turn.beginNs, turn.endNs),
      args: { stack: turn.place, partsLeftOut: turn.partsLeftOut },
    },
    ...turn.parts.map(
      ({ state, reason, beginNs, endNs, thread, stack }): TraceEvent => ({
        name: reason === '' ? state : `${state}: ${reason}`,
        ...{ ph: 'X', cat: state, pid: goroutines.pid, tid: turn.goroutine },
        ...span(beginNs, endNs),
        args: { ...(thread > 0 ? { thread } : {}), ...(stack.length > 0 ? { stack } : {}) },
      }),
    ),
    ...(wakeup === null
      ? []
      : [
          {
            name: 'made ready → runs',
            ...{ ph: 'X' as const, cat: 'wakeup', pid: wakeups.pid, tid: turn.goroutine },
            ...span(wakeup.atNs, wakeup.atNs + wakeup.wakeupNs),
            args: {
              waitForPNs: wakeup.waitPNs,
              waitForCpuNs: wakeup.waitCpuNs,
              thread: wakeup.threadId,
              descriptorsFound: wakeup.readyEvents,
            },
          },
        ]),
    ...calls.map(
      ({ call, atNs, durationNs: callNs, threadId, fileKind, blockNs }): TraceEvent => ({
        name: `${call} (${fileKind})`,
        ...{ ph: 'X', cat: 'call', pid: threads.pid, tid: threadId },
        ...span(atNs, atNs + callNs),
        args: { atBlockDeviceNs: blockNs },
      }),
    ),
  ];
}

function meta(name: string, pid: number, tid: number, text: string): TraceEvent {
  return { name, ph: 'M', pid, tid, args: { name: text } };
}
