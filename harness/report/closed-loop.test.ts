import { expect, test } from 'vitest';
import type { ClosedLoopEvidence } from '../analyze/evidence.ts';
import { hdrBlob, makeEvidence } from '../test/evidence.ts';
import { closedLoopReports } from './closed-loop.ts';

const evidence = makeEvidence({ numbers: { epoll: { p50Ns: 61_000, p99Ns: 187_000 } } });
const [generator] = evidence.rounds[0]?.load.phases ?? [];
if (generator === undefined) {
  throw new Error('the evidence has no window');
}

function reportOf(changes: Partial<ClosedLoopEvidence['autocannon']>) {
  const autocannon = {
    ...{ completed: 90_000, errors: 1, non2xx: 2, timeouts: 3, dropped: 32, durationNs: 3e9 },
    ...{ requestsPerSec: 30_000, latencyHistogramUs: hdrBlob([[100, 1_000]]) },
    ...{ eventLoopDelayP99Ns: 1_900_000, clientCpuRatio: 0.94, ...changes },
  };
  const epoll = { first: 'generator' as const, autocannon, generator: structuredClone(generator) };
  const [report] = closedLoopReports({ ...evidence, closedLoop: { epoll } } as typeof evidence);
  return { report, arm: generator?.arms['epoll'] };
}

test('the bias is autocannon minus generator, at p50 and p99', () => {
  const { report, arm } = reportOf({});
  expect(report).toMatchObject({ variant: 'epoll', first: 'generator', failed: 6, p50Us: 100 });
  expect(report?.generator.p50Ns).toBe(arm?.serviceNs.p50);
  expect(report?.biasP50Ns).toBe(100_000 - (arm?.serviceNs.p50 ?? 0));
  expect(report?.biasP99Ns).toBe(100_000 - (arm?.serviceNs.p99 ?? 0));
});

test('without a sample there is no bias, and not one of 0', () => {
  const { report } = reportOf({ latencyHistogramUs: hdrBlob([]) });
  expect(report).toMatchObject({ p50Us: null, p99Us: null, biasP50Ns: null, biasP99Ns: null });
});

test.for([
  [{}, 1],
  [{ clientCpuRatio: 0.95 }, 2],
  [{ eventLoopDelayP99Ns: 2_000_001 }, 2],
  [{ clientCpuRatio: 1, eventLoopDelayP99Ns: 9_000_000 }, 3],
] as const)('%j: %i notes', ([changes, notes]) => {
  expect(reportOf(changes).report?.warnings).toHaveLength(notes);
});

test('a scenario without a closed loop has none', () => {
  expect(closedLoopReports(evidence)).toEqual([]);
});
