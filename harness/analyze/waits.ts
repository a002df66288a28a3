import type { GoroutinesDetails } from '../capture/probes/goroutines.ts';
import { labelGoroutine } from '../profile/labels/label.ts';
import { isOwn, type Stack, type Stacks } from './stacks.ts';

/** What a goroutine waits for, as far as a cause depends on it. */
type WaitKind = 'network' | 'channel' | 'lock' | 'sleep' | 'call' | 'running' | 'other';

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

/** The same as netprobe read it from the process's memory behind its window. */
export function waitsSeen({ sites }: GoroutinesDetails): Wait[] {
  return sites
    .flatMap((site) => site.waits ?? [])
    .map(({ state, reason, frames, count }) => ({
      kind: state === 'waiting' ? kindOfReason(reason) : state === 'syscall' ? 'call' : 'running',
      frames,
      goroutines: count,
    }));
}

/** The runtime's own words for what a goroutine waits for (waitReasonStrings in runtime2.go). */
function kindOfReason(reason: string): WaitKind {
  if (reason === 'IO wait') {
    return 'network';
  }
  if (/^(chan |select)/.test(reason)) {
    return 'channel';
  }
  if (/^(sync\.(Mutex|RWMutex)|semacquire)/.test(reason)) {
    return 'lock';
  }
  return reason === 'sleep' ? 'sleep' : 'other';
}

function kindOf(frames: Stack['frames']): WaitKind {
  const label = labelGoroutine(frames.map((frame) => frame.function));
  const found = kinds.find(([pattern]) => pattern.test(label));
  return found?.[1] ?? 'other';
}

/** Labels of harness/profile/labels, as far as a cause depends on them. */
const kinds: readonly (readonly [RegExp, WaitKind])[] = [
  [/^io:wait/, 'network'],
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
