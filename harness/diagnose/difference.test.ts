import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type Observation, readObservation } from '../analyze/observation.ts';
import { checkJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { Difference, difference } from './difference.ts';

/** Of a real run: `faulty --fault file-leak,lock-convoy`, ten seconds, without its trace. */
const recorded = join(rootDir, 'harness', 'test', 'recorded-diagnosis');

let base: Observation;
let head: Observation;
beforeEach(async () => {
  [base, head] = [await readObservation(recorded), await readObservation(recorded)];
});

test('what is the same in both differs in nothing, and both have their causes', () => {
  const found = difference(base, head);
  checkJson(found, Difference, { name: 'the difference', remedy: 'mend it' });
  expect(found.changes).toEqual([]);
  expect(found.causes.head).toEqual(found.causes.base);
  expect(found.causes.head.map(({ cause }) => cause)).toContain('lock-convoy');
  expect(found.missing).toEqual([
    'base: the execution trace was not taken',
    'head: the execution trace was not taken',
  ]);
});

test('more CPU time and more calls are told by place and name, the largest change first', () => {
  const { cpu } = head.runtime;
  const calls = head.kernel?.probe.syscalls;
  if (cpu === null || !calls || head.kernel === null) {
    throw new Error('the recorded run has a CPU profile and system calls');
  }
  const seconds = cpu.durationNs / 1e9;
  cpu.stacks.push(
    { frames: [{ function: 'main.spin', file: 'f.go', line: 1 }], value: 0.3e9 * seconds },
    { frames: [{ function: 'main.little', file: 'f.go', line: 1 }], value: 0.5e6 * seconds },
  );
  calls['fsync'] = (calls['fsync'] ?? 0) + 500 * (head.kernel.windowNs / 1e9);
  const { changes } = difference(base, head);
  expect(changes.map(({ kind, what, view }) => [kind, what, view])).toEqual([
    ['cpu', 'main.spin', 'runtime'],
    ['calls', 'fsync', 'kernel'],
  ]);
  expect(changes[0]?.base).toBe(0);
  expect(changes[0]?.head).toBeCloseTo(0.3e9);
  expect((changes[1]?.head ?? 0) - (changes[1]?.base ?? 0)).toBeCloseTo(500);
});

test('where requests wait is compared by label and place, and idle connections are left out', () => {
  const none = { count: 0, p50: 0, p90: 0, p99: 0, max: 0, sum: 0 };
  const functions = [
    'sync.(*Mutex).Lock',
    'main.handle',
    'net/http.HandlerFunc.ServeHTTP',
    'internal/poll.(*FD).Read',
    'net/http.(*conn).serve',
  ];
  const traceOf = (lockNs: number, idleNs: number) => ({
    ...{ schema: 1 as const, durationNs: 2e9, goroutines: 1, clockSnapshots: 1, blockedNs: {} },
    ...{ syscallNs: 0, runnableNs: 0, runningNs: 0, networkWakeupNs: none },
    stacks: {
      ...{
        functions,
        stacks: [
          [0, 1, 2],
          [3, 4],
        ],
        syscalls: [],
        leftOutNs: 0,
        toolNs: 0,
      },
      ...{ runnableNs: none, runnableBuckets: [] },
      blocked: [
        { reason: 'sync', stack: 0, count: 9, ns: lockNs, openCount: 0, openNs: 0 },
        { reason: 'network', stack: 1, count: 9, ns: idleNs, openCount: 0, openNs: 0 },
      ],
    },
  });
  base.runtime.trace = traceOf(0.1e9, 60e9);
  head.runtime.trace = traceOf(2e9, 20e9);
  expect(difference(base, head)).toMatchObject({
    changes: [
      {
        view: 'runtime',
        kind: 'waits',
        what: 'sync:mutex at main.handle',
        unit: 'ns',
        base: 0.05e9,
        head: 1e9,
      },
    ],
    missing: [],
  });
});

test('a side that was not seen compares nothing and says so', () => {
  head.kernel = null;
  head.runtime.cpu = null;
  const { changes, missing } = difference(base, head);
  expect(changes).toEqual([]);
  expect(missing).toContain('head: netprobe was not taken');
  expect(missing).toContain('head: the CPU profile was not taken');
});
