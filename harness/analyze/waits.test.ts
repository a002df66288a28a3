import { expect, test } from 'vitest';
import type { GoroutinesDetails } from '../capture/probes/goroutines.ts';
import type { TraceSummary } from '../capture/trace-summary.ts';
import type { Observation } from './observation.ts';
import type { Stacks } from './stacks.ts';
import { repliesTraced, servesRequest, waitsOf, waitsSeen, waitsTraced } from './waits.ts';

const none = { count: 0, p50: 0, p90: 0, p99: 0, max: 0, sum: 0 };
const handler = ['main.handle', 'net/http.HandlerFunc.ServeHTTP'];

/** A trace of 2 s in which waits are given as [reason, functions, ns, openNs, count]. */
function traceOf(
  blocked: readonly [string, readonly string[], number, number, number][],
  syscalls: readonly [string, readonly string[], number, number, number][] = [],
): TraceSummary {
  const functions = [...new Set([...blocked, ...syscalls].flatMap(([, names]) => names))];
  const stacks: number[][] = [];
  const waits = (all: typeof blocked) =>
    all.map(([reason, names, ns, openNs, count]) => {
      stacks.push(names.map((name) => functions.indexOf(name)));
      return { reason, stack: stacks.length - 1, count, ns, openCount: 0, openNs };
    });
  return {
    ...{ schema: 1, durationNs: 2e9, goroutines: 1, clockSnapshots: 1, blockedNs: {} },
    ...{ syscallNs: 0, runnableNs: 0, runningNs: 0, networkWakeupNs: none },
    stacks: {
      blocked: waits(blocked),
      syscalls: waits(syscalls),
      ...{ functions, stacks, leftOutNs: 0, runnableNs: none, runnableBuckets: [], toolNs: 0 },
    },
  };
}

const runtimeOf = (trace: TraceSummary | null, goroutines: Stacks[]) =>
  ({ trace, goroutines }) as unknown as Observation['runtime'];

const snapshot = (names: readonly string[], value: number): Stacks => ({
  total: value,
  durationNs: 0,
  stacks: [{ frames: names.map((name) => ({ function: name, file: 'f.go', line: 1 })), value }],
});

test('a trace tells the mean number that waits: time waited, also beyond its ends, by its duration', () => {
  const trace = traceOf([
    ['sync', ['sync.(*Mutex).Lock', ...handler], 2.5e9, 0.5e9, 300],
    ['chan send', ['runtime.chansend1', ...handler], 1e9, 0, 10],
    ['chan receive', ['runtime.chanrecv1', ...handler], 0.5e9, 0, 10],
  ]);
  const waits = waitsTraced(runtimeOf(trace, [])) ?? [];
  expect(waits.map(({ kind, goroutines }) => [kind, goroutines])).toEqual([
    ['lock', 1.5],
    ['channel-send', 0.5],
    ['channel', 0.25],
  ]);
  expect(waits.every(servesRequest)).toBe(true);
});

test('goroutines that run are taken from the snapshots, those that wait are not', () => {
  const trace = traceOf([['sync', ['sync.(*Mutex).Lock', ...handler], 2e9, 0, 1]]);
  const snapshots = [snapshot(handler, 3), snapshot(['runtime.gopark', 'runtime.chanrecv'], 7)];
  const waits = waitsTraced(runtimeOf(trace, snapshots)) ?? [];
  expect(waits.map(({ kind, goroutines }) => [kind, goroutines])).toEqual([
    ['running', 1.5],
    ['lock', 1],
  ]);
  expect(waitsOf(snapshots).map(({ kind }) => kind)).toEqual(['channel', 'running']);
});

test('without stacks a trace tells nothing of places', () => {
  const { stacks: _, ...bare } = traceOf([]);
  expect(waitsTraced(runtimeOf(bare as TraceSummary, []))).toBeNull();
  expect(waitsTraced(runtimeOf(null, []))).toBeNull();
  expect(repliesTraced(bare as TraceSummary)).toBe(0);
});

test('replies are the writes of net/http to its clients', () => {
  const trace = traceOf(
    [],
    [
      [
        '',
        ['syscall.write', 'net/http.checkConnErrorWriter.Write', 'net/http.(*conn).serve'],
        1,
        0,
        440,
      ],
      ['', ['syscall.write', 'net/http.persistConnWriter.Write'], 1, 0, 441],
      ['', ['syscall.writev', 'net/http.checkConnErrorWriter.Write'], 1, 0, 3],
    ],
  );
  expect(repliesTraced(trace)).toBe(443);
});

test('looks are averaged; captures of before have one look behind the window', () => {
  const place = (state: string, reason: string, count: number) => ({
    ...{ state, reason, count },
    frames: [{ function: 'main.handle', file: 'f.go', line: 1 }],
  });
  const details = {
    sites: [{ waits: [place('waiting', 'select', 9)] }],
  } as unknown as GoroutinesDetails;
  const told = (seen: GoroutinesDetails) =>
    waitsSeen(seen).map(({ kind, goroutines }) => [kind, goroutines]);
  expect(told(details)).toEqual([['channel', 9]]);
  const places = [place('waiting', 'chan send', 30), place('waiting', 'sync.Mutex.Lock', 10)];
  expect(told({ ...details, looks: 20, places: [...places, place('syscall', '', 5)] })).toEqual([
    ['channel-send', 1.5],
    ['lock', 0.5],
    ['call', 0.25],
  ]);
  expect(told({ ...details, looks: 20, places: [] })).toEqual([]);
});
