import { expect, test } from 'vitest';
import { hdrBlob, makeEvidence, probeOf, unobservedArm } from '../test/evidence.ts';
import type { RoundEvidence } from './evidence.ts';
import { cpuNs, grown, roundReaders, viewRound } from './round-values.ts';

const evidence = makeEvidence({ numbers: { epoll: { leaked: { socket: 30, file: 10 } } } });

function firstRound(of = evidence): RoundEvidence {
  const [round] = of.rounds;
  if (round === undefined) {
    throw new Error('no round');
  }
  return round;
}

test('every metric of one round, from the numbers that went in', () => {
  const view = viewRound(firstRound(), 'epoll');
  const values = Object.fromEntries(
    Object.entries(roundReaders).map(([metric, read]) => [metric, read(view)]),
  );
  expect(values).toEqual({
    'latency-p50': expect.closeTo(61_000, -4),
    'latency-p99': expect.closeTo(187_000, -4),
    'cpu-per-request': expect.closeTo(21_000, -3),
    'context-switches-per-request': expect.closeTo(0.4, 1),
    'allocations-per-request': 18,
    'io-calls-per-request': 3,
    'failed-requests-per-1000': 0,
    'reads-per-request': 1,
    'writes-per-request': 1,
    'polls-per-request': expect.closeTo(0.6, 1),
    'leaked-descriptors-per-1000': 2,
    'wakeup-p99': expect.closeTo(9_000, -3),
  });
});

test('latency is read from the unobserved window, calls from the observed one', () => {
  const round = structuredClone(firstRound());
  const [unobserved, observed] = round.load.phases;
  if (unobserved?.arms['epoll'] && observed?.arms['epoll']) {
    unobserved.arms['epoll'].latencyHistogram = hdrBlob([[1_000, 10]]);
    unobserved.arms['epoll'].completed = 10;
    observed.arms['epoll'].completed = 5_000;
  }
  const view = viewRound(round, 'epoll');
  expect(roundReaders['latency-p50'](view)).toBe(1_000);
  expect(roundReaders['reads-per-request'](view)).toBe(4);
});

test('a histogram of other requests than those that completed is no latency', () => {
  const round = structuredClone(firstRound());
  const [unobserved] = round.load.phases;
  if (unobserved?.arms['epoll']) {
    unobserved.arms['epoll'].latencyHistogram = hdrBlob([[1_000, 10]]);
  }
  expect(roundReaders['latency-p50'](viewRound(round, 'epoll'))).toBeNull();
});

test('no system call at all is no measurement, for a server that answered', () => {
  const round = structuredClone(firstRound());
  const probe = viewRound(round, 'epoll').probe;
  if (probe) {
    probe.syscalls = {};
  }
  expect(roundReaders['reads-per-request'](viewRound(round, 'epoll'))).toBeNull();
});

test.for([undefined, null])('system calls are unknown where an edge has %s', (unknown) => {
  for (const name of ['readCalls', 'writeCalls'] as const) {
    const round = structuredClone(firstRound());
    Object.assign(round.record.windows.unobserved['epoll']?.end.proc ?? {}, { [name]: unknown });
    expect(roundReaders['io-calls-per-request'](viewRound(round, 'epoll'))).toBeNull();
  }
});

test('a process without counters of its own is read from /proc', () => {
  const round = structuredClone(firstRound());
  for (const window of Object.values(round.record.windows)) {
    for (const edge of Object.values(window)) {
      edge.begin.fixture = null;
      edge.end.fixture = null;
    }
  }
  const view = viewRound(round, 'epoll');
  const edges = view.unobservedEdges;
  expect(cpuNs(edges)).toBe((edges?.end.proc.cpuNs ?? 0) - (edges?.begin.proc.cpuNs ?? 0));
  expect(roundReaders['context-switches-per-request'](view)).toBeCloseTo(0.4, 1);
  expect(roundReaders['allocations-per-request'](view)).toBeNull();
});

test('what one edge does not know has not grown by anything', () => {
  const view = viewRound(firstRound(), 'epoll');
  const edges = view.unobservedEdges;
  if (edges === undefined) {
    throw new Error('no edges');
  }
  const half = { begin: edges.begin, end: { ...edges.end, fixture: null } };
  expect(grown(half, (snapshot) => snapshot.fixture?.requests)).toBeNull();
  expect(grown(edges, (snapshot) => snapshot.fixture?.requests)).toBe(20_000);
  expect(grown(undefined, (snapshot) => snapshot.proc.cpuNs)).toBeNull();
});

test('what is not there is null, never 0', () => {
  const nothing = viewRound(firstRound(), 'no such variant');
  for (const read of Object.values(roundReaders)) {
    expect(read(nothing)).toBeNull();
  }
});

test('an empty window is null, never a division by zero', () => {
  const broken = structuredClone(evidence);
  const arm = unobservedArm(broken, 1, 'epoll');
  arm.completed = 0;
  arm.latencyHistogram = hdrBlob([]);
  const observed = broken.rounds[0]?.load.phases[1]?.arms['epoll'];
  if (observed) {
    observed.completed = 0;
  }
  const target = probeOf(broken, 1, 'epoll');
  target.histograms['wakeupNs'] = null;
  const view = viewRound(firstRound(broken), 'epoll');
  for (const [metric, read] of Object.entries(roundReaders)) {
    expect([metric, read(view)]).toEqual([metric, null]);
  }
});

test('requests that failed and requests that were never sent count alike', () => {
  const round = structuredClone(firstRound());
  const arm = round.load.phases[0]?.arms['epoll'];
  if (arm) {
    arm.scheduled = 10_000;
    arm.errors.reset = 3;
    arm.errors.status = 1;
    arm.unsent = 6;
  }
  const read = roundReaders['failed-requests-per-1000'];
  expect(read(viewRound(round, 'epoll'))).toBe(1);
  if (arm) {
    arm.scheduled = 0;
  }
  expect(read(viewRound(round, 'epoll'))).toBeNull();
});
