import type { SyscallsDetails } from '../capture/probes/syscalls.ts';
import type { WakeupDetails } from '../capture/probes/wakeup.ts';
import type { Turn } from '../capture/trace-summary.ts';
import { formatNs } from '../lib/units.ts';
import type { Observation } from './observation.ts';

type Wakeup = WakeupDetails['slowestWakeups'][number];
type SlowCall = NonNullable<SyscallsDetails['examples']>[number];

/** One of the slowest turns, with what the kernel’s view has of the same time. */
export interface SlowTurn {
  turn: Turn;
  /** The wake-up that began it, if it is among the slowest that netprobe told. */
  wakeup: Wakeup | null;
  /** Slow system calls of the threads that ran it, while they did. */
  calls: SlowCall[];
}

export interface SlowTurns {
  turns: SlowTurn[];
  /** Why the kernel’s view is not joined; empty if it is. */
  apart: string;
}

/** Clocks that are further apart than this would join events with the wrong neighbours. */
const mostClockNs = 1_000;

/**
 * The slowest turns of the execution trace (requests, in a server), joined with netprobe’s events by
 * goroutine, thread and time. A pure function.
 * @returns null where there was no trace that tells turns
 */
export function slowTurnsOf(seen: Observation): SlowTurns | null {
  const turns = seen.runtime.trace?.turns;
  if (turns === undefined) {
    return null;
  }
  const apart = whyApart(seen, turns.clockSpreadNs);
  const wakeups = apart === '' ? (seen.scheduler?.wakeups?.slowestWakeups ?? []) : [];
  const calls = apart === '' ? (seen.kernel?.slowCalls?.examples ?? []) : [];
  return {
    apart,
    turns: turns.slowest.map((turn) => ({
      turn,
      wakeup: wakeups.find((wakeup) => begins(turn, wakeup)) ?? null,
      calls: calls.filter((call) =>
        turn.parts.some((part) => part.thread === call.threadId && overlap(part, spanOf(call))),
      ),
    })),
  };
}

function whyApart({ scheduler }: Observation, spreadNs: number): string {
  if (scheduler === null) {
    return 'netprobe did not watch the scheduler';
  }
  const { clockBoundNs } = scheduler;
  if (clockBoundNs === null) {
    return 'netprobe did not say how far its clock is from CLOCK_MONOTONIC';
  }
  return clockBoundNs + spreadNs <= mostClockNs
    ? ''
    : `the clocks are up to ${formatNs(clockBoundNs)} (netprobe) and ${formatNs(spreadNs)} (trace) apart; joined are views within ${formatNs(mostClockNs)}`;
}

/**
 * Both views stamp a wake-up at their own place in the runtime, microseconds apart: the same one is that
 * of the same goroutine in which it was made ready before it ran.
 */
function begins(turn: Turn, { goroutineId, atNs, wakeupNs }: Wakeup): boolean {
  const [first] = turn.parts;
  return (
    goroutineId === turn.goroutine &&
    first?.state === 'runnable' &&
    overlap(first, { beginNs: atNs, endNs: atNs + wakeupNs })
  );
}

const spanOf = ({ atNs, durationNs }: SlowCall) => ({ beginNs: atNs, endNs: atNs + durationNs });

interface Span {
  beginNs: number;
  endNs: number;
}

function overlap(a: Span, b: Span): boolean {
  return a.beginNs <= b.endNs && b.beginNs <= a.endNs;
}
