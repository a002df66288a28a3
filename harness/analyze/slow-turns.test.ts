import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Turn } from '../capture/trace-summary.ts';
import { rootDir } from '../lib/paths.ts';
import { renderTimeline } from '../report/diag/timeline.ts';
import { type Observation, readObservation } from './observation.ts';
import { type SlowTurns, slowTurnsOf } from './slow-turns.ts';

const place = ['internal/poll.(*FD).Read', 'main.serve'];
const [second, ms] = [1_000_000_000, 1_000_000];

/** Woken at 5 s, runs from 5.003 s on thread 71, sleeps, runs on thread 72 to 5.030 s. */
const turn: Turn = {
  goroutine: 9,
  beginNs: 5 * second,
  endNs: 5 * second + 30 * ms,
  place,
  parts: [
    part('runnable', 0, 3),
    part('running', 3, 10, { thread: 71 }),
    part('blocked', 10, 25, { reason: 'sleep', stack: ['time.Sleep', 'main.pause'] }),
    part('running', 25, 30, { thread: 72 }),
  ],
  partsLeftOut: 0,
};

function part(
  state: Turn['parts'][number]['state'],
  fromMs: number,
  toMs: number,
  more: Partial<Turn['parts'][number]> = {},
): Turn['parts'][number] {
  const [beginNs, endNs] = [5 * second + fromMs * ms, 5 * second + toMs * ms];
  return { state, reason: '', beginNs, endNs, thread: 0, stack: [], ...more };
}

const wakeup = {
  ...{ goroutineId: 9, threadId: 71, atNs: 5 * second - 4000, wakeupNs: 3 * ms },
  ...{ waitPNs: 2 * ms, waitCpuNs: ms, readyEvents: 1 },
};
const call = {
  ...{ call: 'pread64', atNs: 5 * second + 26 * ms, durationNs: 3 * ms, threadId: 72 },
  ...{ fileKind: 'regular', blockNs: 2 * ms, stack: -1 },
};

async function observed(
  change: (
    seen: Required<Pick<Observation, 'scheduler' | 'kernel' | 'runtime'>>,
  ) => void = () => {},
): Promise<SlowTurns | null> {
  const seen = await readObservation(join(rootDir, 'harness/test/recorded-diagnosis'));
  const { scheduler, kernel, runtime } = seen;
  if (!scheduler || !kernel?.slowCalls || !runtime.trace) {
    throw new Error('the recorded diagnosis is incomplete');
  }
  const durationNs = { count: 1, p50: 1, p90: 1, p99: 1, max: 1, sum: 1 };
  runtime.trace.turns = { durationNs, clockSpreadNs: 300, slowest: [turn] };
  scheduler.clockBoundNs = 200;
  scheduler.wakeups = { slowestWakeups: [wakeup] };
  kernel.slowCalls.examples = [call];
  change(seen);
  return slowTurnsOf(seen);
}

test('a turn is joined with its wake-up and with the slow calls of the threads that ran it', async () => {
  expect(await observed()).toEqual({ apart: '', turns: [{ turn, wakeup, calls: [call] }] });
});

test('what is of another goroutine, thread or time is not joined', async () => {
  for (const other of [
    { ...wakeup, goroutineId: 8 },
    { ...wakeup, atNs: 5 * second + 26 * ms },
    { ...wakeup, atNs: 4 * second },
  ]) {
    const found = await observed(({ scheduler }) => {
      Object.assign(scheduler ?? {}, { wakeups: { slowestWakeups: [other] } });
    });
    expect(found?.turns[0]?.wakeup).toBeNull();
  }
  for (const other of [
    { ...call, threadId: 71 },
    { ...call, atNs: 5 * second + 31 * ms },
    { ...call, atNs: 5 * second + 5 * ms },
  ]) {
    const found = await observed(({ kernel }) => {
      Object.assign(kernel?.slowCalls ?? {}, { examples: [other] });
    });
    expect(found?.turns[0]?.calls).toEqual([]);
  }
});

test('views whose clocks are more than 1 µs apart are not joined, and it says why', async () => {
  const found = await observed(({ scheduler }) => {
    Object.assign(scheduler ?? {}, { clockBoundNs: 701 });
  });
  expect(found?.turns).toEqual([{ turn, wakeup: null, calls: [] }]);
  expect(found?.apart).toContain('apart; joined are views within 1.00 µs');
  const unknown = await observed(({ scheduler }) => {
    Object.assign(scheduler ?? {}, { clockBoundNs: null });
  });
  expect(unknown?.apart).toContain('did not say how far');
});

test('no trace of turns, nothing to tell', async () => {
  expect(await observed(({ runtime }) => delete runtime.trace?.turns)).toBeNull();
});

test('the timeline has every part once, in µs, on tracks on which nothing overlaps but the turn', async () => {
  const found = await observed();
  const { traceEvents, otherData } = JSON.parse(renderTimeline(found as SlowTurns));
  // The kernel’s stamp of the wake-up comes first.
  expect(otherData).toEqual({ monotonicOriginNs: 5 * second - 4000 });
  const spans = traceEvents
    .filter(({ ph }: { ph: string }) => ph === 'X')
    .map(({ pid, tid, ts, dur, name }: Record<string, unknown>) => [pid, tid, ts, dur, name]);
  expect(spans).toEqual([
    [1, 9, 4, 30_000, '1. slowest: 30.0 ms, main.serve'],
    [1, 9, 4, 3000, 'runnable'],
    [1, 9, 3004, 7000, 'running'],
    [1, 9, 10_004, 15_000, 'blocked: sleep'],
    [1, 9, 25_004, 5000, 'running'],
    [2, 9, 0, 3000, 'made ready → runs'],
    [3, 72, 26_004, 3000, 'pread64 (regular)'],
  ]);
  const names = traceEvents.filter(({ ph }: { ph: string }) => ph === 'M');
  expect(names.map(({ args }: { args: { name: string } }) => args.name)).toContain('thread 72');
});
