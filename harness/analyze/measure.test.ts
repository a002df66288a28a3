import { expect, test } from 'vitest';
import { type MetricId, metricIds } from '../scenario/metric.ts';
import { hdrBlob, makeEvidence, makeScenario, unobservedArm } from '../test/evidence.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { measureScenario } from './measure.ts';

const evidence = makeEvidence();

function measure(of: ScenarioEvidence, metric: MetricId, variant = 'epoll') {
  const found = measureScenario(of).find((m) => m.metric === metric && m.variant === variant);
  if (found === undefined) {
    throw new Error(`${variant} has no ${metric}`);
  }
  return found;
}

test('every metric of every variant is measured, but the closed loop that did not run', () => {
  const ids = measureScenario(evidence).map(({ variant, metric }) => `${variant}/${metric}`);
  const open = metricIds.filter((id) => id !== 'throughput-closed-loop');
  expect(ids).toEqual(['epoll', 'io_uring'].flatMap((v) => open.map((id) => `${v}/${id}`)));
});

test('system calls of a run that was recorded before they were counted are left out', () => {
  const old = structuredClone(evidence);
  for (const { begin, end } of old.rounds.flatMap(({ record }) =>
    Object.values(record.windows.unobserved),
  )) {
    delete begin.proc.readCalls;
    delete end.proc.readCalls;
  }
  const of = (seen: ScenarioEvidence) => new Set(measureScenario(seen).map(({ metric }) => metric));
  expect(of(evidence).has('io-calls-per-request')).toBe(true);
  expect(of(old)).toEqual(new Set([...of(evidence)].filter((id) => id !== 'io-calls-per-request')));
});

test('one value per round, an interval around their centre, and what it stands on', () => {
  const { values, summary, samples, warnings } = measure(evidence, 'latency-p50');
  expect(values).toHaveLength(8);
  expect(summary).toMatchObject({ n: 8, confidence: 0.95 });
  const { center, lo, hi } = summary ?? { center: 0, lo: 0, hi: 0 };
  expect(center).toBeGreaterThan(60_000);
  expect(center).toBeLessThan(62_000);
  expect(lo).toBeLessThan(center);
  expect(hi).toBeGreaterThan(center);
  expect(samples).toBe(160_000);
  expect(warnings).toEqual([]);
});

test('equal evidence gives equal measurements, to the last bit', () => {
  expect(measureScenario(structuredClone(evidence))).toEqual(measureScenario(evidence));
});

test('a round that could not measure is null, and not part of the summary', () => {
  const broken = structuredClone(evidence);
  unobservedArm(broken, 3, 'epoll').latencyHistogram = hdrBlob([]);
  const { values, summary } = measure(broken, 'latency-p99');
  expect(values[2]).toBeNull();
  expect(values.filter((value) => value === null)).toHaveLength(1);
  expect(summary?.n).toBe(7);
});

test('no number comes from what is not a number', () => {
  const broken = structuredClone(evidence);
  for (const { record } of broken.rounds) {
    const fixture = record.windows.unobserved['epoll']?.end.fixture;
    if (fixture) {
      fixture.heapAllocObjects = Number.NaN;
      fixture.userCpuNs = Number.POSITIVE_INFINITY;
    }
  }
  for (const metric of ['allocations-per-request', 'cpu-per-request'] as const) {
    const { values, summary } = measure(broken, metric);
    expect(values).toEqual(new Array(8).fill(null));
    expect(summary).toBeNull();
  }
});

test('no round at all: no value, no summary', () => {
  const { values, summary, samples } = measure({ ...evidence, rounds: [] }, 'latency-p50');
  expect({ values, summary, samples }).toEqual({ values: [], summary: null, samples: 0 });
});

test('few requests beyond p99 are warned of, and a single round has no interval', () => {
  const scenario = makeScenario({
    rounds: { count: 1, warmupMs: 0, unobservedMs: 500, observedMs: 500 },
  });
  const short = makeEvidence({ scenario, numbers: { epoll: { requests: 2_000 } } });
  const { summary, warnings } = measure(short, 'latency-p99');
  expect(summary).toMatchObject({ lo: null, hi: null, n: 1 });
  expect(warnings).toEqual(['p99 stands on 20 slower requests; 100 are needed']);
});

const autocannon = {
  completed: 90_000,
  errors: 0,
  non2xx: 0,
  timeouts: 0,
  dropped: 32,
  durationNs: 3e9,
  requestsPerSec: 30_000,
  latencyHistogramUs: hdrBlob([[100, 1]]),
  eventLoopDelayP99Ns: 1_000_000,
  clientCpuRatio: 0.9,
};

test.for([
  [{}, 30_000],
  [{ errors: 1 }, null],
  [{ non2xx: 90_000 }, null],
  [{ timeouts: 1 }, null],
  [{ completed: 0, requestsPerSec: 0 }, null],
] as const)('closed-loop throughput with %j is %s', ([change, value]) => {
  const [generator] = evidence.rounds[0]?.load.phases ?? [];
  if (generator === undefined) {
    throw new Error('the evidence has no window');
  }
  const epoll = {
    first: 'autocannon' as const,
    autocannon: { ...autocannon, ...change },
    generator,
  };
  const { values, summary, warnings } = measure(
    { ...evidence, closedLoop: { epoll } },
    'throughput-closed-loop',
  );
  expect(values).toEqual([value]);
  expect(summary?.center ?? null).toBe(value);
  expect(warnings).toHaveLength(value === null ? 2 : 1);
});
