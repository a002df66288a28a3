import { expect, test } from 'vitest';
import type { TraceSummary } from '../capture/trace-summary.ts';
import { makeEvidence } from '../test/evidence.ts';
import { agreementsOf } from './agree.ts';

const evidence = makeEvidence();

test('requests agree exactly and CPU time to 5 %, per variant', () => {
  const agreements = agreementsOf(evidence);
  expect(agreements.map(({ variant, quantity, state }) => [variant, quantity, state])).toEqual([
    ['epoll', 'requests in the unobserved windows', 'agree'],
    ['epoll', 'CPU time in the unobserved windows', 'agree'],
    ['io_uring', 'requests in the unobserved windows', 'agree'],
    ['io_uring', 'CPU time in the unobserved windows', 'agree'],
  ]);
  expect(agreements[0]).toMatchObject({
    first: { source: 'load generator', value: 160_000 },
    second: { source: 'server counter', value: 160_000 },
    gap: 0,
    tolerance: 0,
  });
});

test('one request that only one side has seen is a disagreement', () => {
  const broken = structuredClone(evidence);
  const fixture = broken.rounds[4]?.record.windows.unobserved['epoll']?.end.fixture;
  if (fixture) {
    fixture.requests += 1;
  }
  const [requests] = agreementsOf(broken);
  expect(requests).toMatchObject({ state: 'disagree', gap: expect.closeTo(1 / 160_001, 12) });
});

test.for([
  [1.04, 'agree'],
  [1.2, 'disagree'],
] as const)('CPU time of /proc %d times that of getrusage: %s', ([factor, state]) => {
  const broken = structuredClone(evidence);
  for (const { record } of broken.rounds) {
    const edges = record.windows.unobserved['epoll'];
    if (edges) {
      edges.end.proc.cpuNs *= factor;
    }
  }
  const cpu = agreementsOf(broken).find(({ unit }) => unit === 'ns');
  expect(cpu?.state).toBe(state);
});

test('a source that is not there makes no agreement, and no false one', () => {
  const alone = structuredClone(evidence);
  for (const { record } of alone.rounds) {
    for (const edges of Object.values(record.windows.unobserved)) {
      edges.end.fixture = null;
    }
  }
  expect(agreementsOf(alone)).toEqual([]);
  expect(agreementsOf({ ...evidence, rounds: [] })).toEqual([]);
});

test('a server at rest on both sides agrees: nothing is not a division by zero', () => {
  const idle = makeEvidence({ numbers: { epoll: { cpuNs: 0 } } });
  const cpu = agreementsOf(idle).find(({ unit, variant }) => unit === 'ns' && variant === 'epoll');
  expect(cpu).toMatchObject({ gap: 0, state: 'agree' });
});

test('wake-ups of trace and eBPF are shown beside each other, not judged', () => {
  const traced = structuredClone(evidence);
  const summary: TraceSummary = {
    schema: 1,
    durationNs: 2e9,
    goroutines: 70,
    clockSnapshots: 3,
    blockedNs: {},
    syscallNs: 0,
    runnableNs: 0,
    runningNs: 0,
    networkWakeupNs: { count: 900, p50: 18_000, p90: 1, p99: 1, max: 1, sum: 1 },
  };
  const last = traced.rounds.at(-1);
  if (last) {
    last.traces['epoll'] = summary;
  }
  const wakeups = agreementsOf(traced).filter(({ state }) => state === 'shown');
  expect(wakeups).toHaveLength(1);
  expect(wakeups[0]).toMatchObject({
    variant: 'epoll',
    first: { source: 'eBPF', value: expect.closeTo(9_000, -3) },
    second: { source: 'execution trace', value: 18_000 },
    gap: expect.closeTo(0.5, 1),
  });
  summary.networkWakeupNs.count = 0;
  expect(agreementsOf(traced).filter(({ state }) => state === 'shown')).toEqual([]);
});
