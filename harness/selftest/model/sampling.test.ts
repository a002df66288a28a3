import { expect, test } from 'vitest';
import { correlation, mean, sd } from '../testing/spread.ts';
import { mixture } from './latency.ts';
import { sampled } from './sampling.ts';
import { variates } from './variates.ts';

const rounds = 8_000;
const expected = 10_000;
const none = { body: 0, tail: 0, cpu: 0 };

function windows(designEffect: number) {
  const latencies = mixture({ bodySd: 0.5, tailIndex: 2.5 }, 10);
  latencies.add(0, 1);
  const noise = variates(5n);
  return Array.from({ length: rounds }, () =>
    sampled({ latencies, expected, designEffect, noise }, none),
  );
}

/** Four standard errors of an SD. */
const slack = 4 / Math.sqrt(2 * rounds);

test.for([1, 4])('quantiles scatter as those of requests do, design effect %d', (designEffect) => {
  const all = windows(designEffect);
  const p50 = all.map(({ p50Ns }) => Math.log(p50Ns / 200_000));
  const p99 = all.map(({ p99Ns }) => Math.log(p99Ns / 200_000));
  const root = Math.sqrt(expected / designEffect);
  // √(p(1−p)) over the density at the quantile: 1.253·σ for the median, √99 / index in the tail.
  const theory = [(0.5 * Math.sqrt(Math.PI / 2)) / root, Math.sqrt(99) / 2.5 / root] as const;
  expect(Math.abs(sd(p50) / theory[0] - 1)).toBeLessThan(slack + 0.01);
  expect(Math.abs(sd(p99) / theory[1] - 1)).toBeLessThan(slack + 0.01);
  expect(Math.abs(mean(p50))).toBeLessThan((4 * theory[0]) / Math.sqrt(rounds) + 1e-4);
  // p50 and p99 of one sample: √(0.5·0.01 / (0.5·0.99)).
  expect(Math.abs(correlation(p50, p99) - 0.1005)).toBeLessThan(4 / Math.sqrt(rounds));
});

test('counts are those of a Poisson process, means and CPU scatter with the root of the requests', () => {
  const all = windows(1);
  expect(Math.abs(sd(all.map(({ requests }) => requests)) / 100 - 1)).toBeLessThan(slack);
  const [first] = all;
  const meanNs = all.map((window) => window.meanNs);
  expect(Math.abs(sd(meanNs) / ((first?.sdNs ?? 0) / 100) - 1)).toBeLessThan(slack + 0.01);
  const cpu = all.map(({ cpuPerRequestNs }) => Math.log(cpuPerRequestNs));
  expect(Math.abs(sd(cpu) / 0.005 - 1)).toBeLessThan(slack + 0.01);
});

test('an arm’s factors move each metric and leave the others', () => {
  const latencies = mixture({ bodySd: 0.5, tailIndex: 2.5 }, 10);
  latencies.add(0, 1);
  const show = (arm: typeof none) =>
    sampled({ latencies, expected, designEffect: 1, noise: variates(9n) }, arm);
  const plain = show(none);
  const tail = show({ ...none, tail: Math.log(1.5) });
  expect(tail.p50Ns).toBe(plain.p50Ns);
  expect(tail.p99Ns / plain.p99Ns).toBeCloseTo(1.5, 4);
  expect(tail.meanNs).toBeGreaterThan(plain.meanNs);
  const body = show({ ...none, body: Math.log(1.1), cpu: Math.log(1.2) });
  expect(body.p50Ns / plain.p50Ns).toBeCloseTo(1.1, 4);
  expect(body.p99Ns).toBe(plain.p99Ns);
  expect(body.cpuPerRequestNs / plain.cpuPerRequestNs).toBeCloseTo(1.2, 3);
});
