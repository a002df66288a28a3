import { expect, test } from 'vitest';
import { constantSchedule, fifoLatencies, lagsBehindSchedule, quantile } from './oracle.ts';

const services = (...ns: number[]) => ns.map((each) => ({ replyNs: each, busyNs: each }));

test('a server that is fast enough: each latency is its service time', () => {
  expect(fifoLatencies([0, 10, 20], services(9, 10, 3))).toEqual([9, 10, 3]);
});

test('one long service delays those behind it until the queue is empty', () => {
  // Begins 0, 25, 28, 31, 40: due at 0, 10, 20, 30, 40.
  expect(fifoLatencies([0, 10, 20, 30, 40], services(25, 3, 3, 3, 3))).toEqual([25, 18, 11, 4, 3]);
});

test('what the server does after the reply delays the next one only', () => {
  const slow = { replyNs: 4, busyNs: 12 };
  expect(fifoLatencies([0, 10, 20], [slow, slow, slow])).toEqual([4, 6, 8]);
});

test('requests that are due at once wait for each other', () => {
  expect(fifoLatencies([5, 5, 5], services(2, 2, 2))).toEqual([2, 4, 6]);
  expect(fifoLatencies([], [])).toEqual([]);
});

test('a stall of 1 s in 5 s: a fifth waits, evenly spread between 0 and 1 s', () => {
  const rate = 1_000;
  const count = 5_000;
  const stalled = Array.from({ length: count }, (_, index) => {
    const ns = index === 1_000 ? 1e9 : 1_000;
    return { replyNs: ns, busyNs: ns };
  });
  const latencies = fifoLatencies(constantSchedule(count, rate), stalled);
  expect(quantile(latencies, 0.5)).toBe(1_000);
  // Ranks 4,000 to 5,000 are the fifth: p90 is its middle, p99 lies at 95 %.
  expect(Math.abs((quantile(latencies, 0.9) ?? 0) - 0.5e9)).toBeLessThan(2e6);
  expect(Math.abs((quantile(latencies, 0.99) ?? 0) - 0.95e9)).toBeLessThan(2e6);
});

test('quantiles are values that were seen, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect([0, 0.5, 0.9, 0.99, 1].map((share) => quantile(hundred, share))).toEqual([
    1, 50, 90, 99, 100,
  ]);
  expect(quantile([7], 0.99)).toBe(7);
  expect(quantile([], 0.5)).toBeNull();
  expect(hundred[0]).toBe(100);
});

test('lag counts from the request that was earliest, which has none', () => {
  expect(lagsBehindSchedule([1_000, 1_100, 1_230, 1_300], 1e7)).toEqual([0, 0, 30, 0]);
  // The first one was late, so that the schedule lies before it.
  expect(lagsBehindSchedule([1_050, 1_100, 1_200], 1e7)).toEqual([50, 0, 0]);
  expect(lagsBehindSchedule([], 1e7)).toEqual([]);
});

test('a burst that runs ahead makes all before it late', () => {
  // Four a second, all sent in the first 30 ms of the second.
  const arrivals = [0, 10e6, 20e6, 30e6, 1_000e6];
  expect(lagsBehindSchedule(arrivals, 4)).toEqual([720e6, 480e6, 240e6, 0, 720e6]);
});
