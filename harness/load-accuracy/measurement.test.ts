import { expect, test } from 'vitest';
import { type Group, groups, type Measurement, measurements, type Seen } from './measurement.ts';
import type { TruthEntry } from './truth-log.ts';

function measurementOf(id: string): Measurement {
  const found = measurements(false).find((each) => each.id === id);
  if (found === undefined) {
    throw new Error(`no measurement ${id}`);
  }
  return found;
}

/** A server that takes `busyNs` for each request, in replies that come right before its end. */
function logOf(begins: readonly number[], busyNs: number): TruthEntry[] {
  return begins.map((beganNs) => ({
    beganNs,
    replyNs: busyNs,
    busyNs,
  }));
}

function seenOf(measurement: Measurement, log: TruthEntry[], p99Ns: number | null): Seen {
  return {
    job: { ...measurement.load, address: '', dir: '', cpu: 1, seed: '1' },
    report: { completed: 1_000, errors: 2, p50Ns: 60_000, p90Ns: 65_000, p99Ns },
    cost: {
      ...{ exitCode: 0, signal: 0, overMemory: false },
      ...{ userNs: 30e6, systemNs: 20e6, maxRssBytes: 50 * 2 ** 20 },
    },
    truth: { log, peakConnections: 9_990 },
  };
}

test('closed loop: reported less real, with its sign; nothing is made of what was not said', () => {
  const measurement = measurementOf('closed-fixed');
  const log = logOf([0, 1e6, 2e6], 50_000);
  const values = measurement.read(seenOf(measurement, log, 49_000));
  expect(values).toMatchObject({ p50ErrorNs: 10_000, p99ErrorNs: -1_000, p99TrueNs: 50_000 });
  const silent = measurement.read(seenOf(measurement, log, null));
  expect(silent).not.toHaveProperty('p99ErrorNs');
  expect(silent['p99TrueNs']).toBe(50_000);
});

test('a rate: the schedule counts, whenever the server saw the requests', () => {
  const measurement = measurementOf('rate-2000');
  const { ratePerSec, durationMs } = measurement.load;
  const asked = (ratePerSec * durationMs) / 1000;
  // All in one burst; by the schedule, 500 µs apart, none would have had to wait.
  const log = logOf(
    Array.from({ length: asked / 2 }, (_, index) => index),
    100_000,
  );
  const values = measurement.read(seenOf(measurement, log, 90_000));
  expect(values).toMatchObject({
    p50TrueNs: 100_000,
    p50ErrorNs: -40_000,
    missingRatio: 0.5,
    requests: asked / 2,
  });
});

test('lag: from the arrivals alone', () => {
  const measurement = measurementOf('lag');
  const gap = 1e9 / measurement.load.ratePerSec;
  const log = logOf([0, gap, 2 * gap + 300, 3 * gap], 1_000);
  expect(measurement.read(seenOf(measurement, log, null))).toEqual({ p50Ns: 0, p99Ns: 300 });
});

test('cost and memory; nothing is divided by no reply', () => {
  const measurement = measurementOf('cost');
  const seen = seenOf(measurement, [], null);
  expect(measurement.read(seen)).toEqual({
    cpuPerRequestNs: 50_000,
    ratePerSec: 200,
    ratePerCpuSec: 20_000,
  });
  const none = { ...seen, report: { ...seen.report, completed: 0 } };
  expect(measurement.read(none)).toEqual({});
  expect(measurementOf('memory').read(seen)).toMatchObject({ maxRssMiB: 50, connections: 9_990 });
});

test('long enough: to start up is little beside the work, and 10,000 connections can open', () => {
  expect(measurementOf('cost').load.durationMs).toBe(5_000);
  expect(measurementOf('memory').load).toMatchObject({ ratePerSec: 10_000, durationMs: 3_000 });
});

test('every group but that of the goals has a measurement, each its own name', () => {
  for (const quick of [true, false]) {
    const all = measurements(quick);
    const found = new Set<Group>([...all.map(({ group }) => group), 'targets']);
    expect([...found].toSorted()).toEqual([...groups].toSorted());
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  }
});
