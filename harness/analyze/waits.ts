import type { GoroutinesDetails } from '../capture/probes/goroutines.ts';
import type { TraceSummary } from '../capture/trace-summary.ts';
import { labelGoroutine } from '../profile/labels/label.ts';
import { labelledWaits } from '../profile/labels/off-cpu.ts';
import type { Observation } from './observation.ts';
import { isOwn, type Stack, type Stacks } from './stacks.ts';

/** What a goroutine waits for, as far as a cause depends on it. */
type WaitKind =
  | 'network'
  | 'channel'
  | 'channel-send'
  | 'lock'
  | 'sleep'
  | 'call'
  | 'running'
  | 'other';

/** Goroutines in one place. */
export interface Wait {
  kind: WaitKind;
  frames: Stack['frames'];
  /** Mean over the snapshots: by Little's law rate × time spent there. */
  goroutines: number;
}

/** By stack, over snapshots of all goroutines; the tool's own request is left out. */
export function waitsOf(snapshots: readonly Stacks[]): Wait[] {
  const all = new Map<string, Wait>();
  for (const { frames, value } of snapshots.flatMap(({ stacks }) => stacks)) {
    if (frames.some((frame) => frame.function.startsWith('runtime/pprof.'))) {
      continue;
    }
    const key = frames.map((frame) => `${frame.function}:${frame.line}`).join('\n');
    const wait = all.get(key) ?? { kind: kindOf(frames), frames, goroutines: 0 };
    wait.goroutines += value / snapshots.length;
    all.set(key, wait);
  }
  return [...all.values()].sort((a, b) => b.goroutines - a.goroutines);
}

/**
 * The same from an execution trace, which knows how long each wait took. A trace tells no stack of
 * goroutines that run, or could: they are taken from the snapshots.
 * @returns null without a trace that was summed up by stack
 */
export function waitsTraced({ trace, goroutines }: Observation['runtime']): Wait[] | null {
  if (!trace?.stacks || trace.durationNs === 0) {
    return null;
  }
  const waits = labelledWaits(trace.stacks).map(({ label, names, ns }) => ({
    kind: kindOfLabel(label),
    frames: names.map((name) => ({ function: name, file: '', line: 0 })),
    goroutines: ns / trace.durationNs,
  }));
  return [...waits, ...waitsOf(goroutines).filter(({ kind }) => kind === 'running')].sort(
    (a, b) => b.goroutines - a.goroutines,
  );
}

/**
 * Replies of net/http that a trace saw written: with a reply in several writes more than requests.
 * @returns 0 for other servers
 */
export function repliesTraced(trace: TraceSummary): number {
  if (!trace.stacks) {
    return 0;
  }
  const { functions, stacks, syscalls } = trace.stacks;
  const reply = functions.indexOf('net/http.checkConnErrorWriter.Write');
  return syscalls
    .filter(({ stack }) => stacks[stack]?.includes(reply))
    .reduce((sum, { count }) => sum + count, 0);
}

/**
 * The same as netprobe read it from the process's memory: the mean over its looks inside the window, in
 * captures of before one look behind it.
 */
export function waitsSeen({ sites, looks = 0, places = [] }: GoroutinesDetails): Wait[] {
  const seen = looks > 0 ? places : sites.flatMap((site) => site.waits ?? []);
  return seen.map(({ state, reason, frames, count }) => ({
    kind: state === 'waiting' ? kindOfReason(reason) : state === 'syscall' ? 'call' : 'running',
    frames,
    goroutines: count / Math.max(1, looks),
  }));
}

/** The runtime's own words for what a goroutine waits for (waitReasonStrings in runtime2.go). */
function kindOfReason(reason: string): WaitKind {
  if (reason === 'IO wait') {
    return 'network';
  }
  if (/^(chan |select)/.test(reason)) {
    return reason === 'chan send' ? 'channel-send' : 'channel';
  }
  if (/^(sync\.(Mutex|RWMutex)|semacquire)/.test(reason)) {
    return 'lock';
  }
  return reason === 'sleep' ? 'sleep' : 'other';
}

function kindOf(frames: Stack['frames']): WaitKind {
  return kindOfLabel(labelGoroutine(frames.map((frame) => frame.function)));
}

function kindOfLabel(label: string): WaitKind {
  const found = kinds.find(([pattern]) => pattern.test(label));
  return found?.[1] ?? 'other';
}

/** Labels of harness/profile/labels, as far as a cause depends on them. */
const kinds: readonly (readonly [RegExp, WaitKind])[] = [
  [/^io:wait/, 'network'],
  [/^chan:send\(block\)/, 'channel-send'],
  [/^chan:/, 'channel'],
  [/^sync:(mutex|rlock|wlock|sem|fdmutex)/, 'lock'],
  [/^time:sleep/, 'sleep'],
  [/^sys:/, 'call'],
  [/^run$/, 'running'],
];

/** Whether a goroutine serves a request just now: it is under a handler of net/http or gRPC. */
export function servesRequest({ frames }: Pick<Stack, 'frames'>): boolean {
  const root = frames.findIndex(({ function: name }) =>
    /^net\/http\.(serverHandler|HandlerFunc)\.ServeHTTP$|grpc\.\(\*Server\)\.(handleStream|processUnaryRPC)$/.test(
      name,
    ),
  );
  return root > 0 && frames.slice(0, root).some((frame) => isOwn(frame.function));
}

/** Frames between the primitive that parks and the program: `net.(*Resolver).lookupIPAddr`, …  */
export function between({ frames }: Pick<Stack, 'frames'>): string[] {
  const own = frames.findIndex((frame) => isOwn(frame.function));
  return frames.slice(0, own < 0 ? frames.length : own).map((frame) => frame.function);
}
