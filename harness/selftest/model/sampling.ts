import type { WindowSummary } from '../world.ts';
import type { Mixture } from './latency.ts';
import type { Variates } from './variates.ts';

/** Median latency and CPU of a request where nothing is slow. */
const medianNs = 200_000;
const cpuNs = 60_000;
/** CPU suffers less than latency from what slows a machine: caches, not waiting. */
const cpuShare = 0.15;
/** Standard deviation of one request's CPU over its mean. */
const cpuSpread = 0.5;
/** Correlation of the shares of requests beyond p50 and beyond p99: √(0.5·0.01 / (0.5·0.99)). */
const jointNoise = Math.sqrt(0.01 / 0.99);

/** An arm in a window: logarithms of its factors on the body, the tail and CPU. */
export interface Arm {
  body: number;
  tail: number;
  cpu: number;
}

export interface Sample {
  /** Latencies and slowness of the time that the requests fell into. */
  latencies: Mixture;
  /** Requests expected; they arrive as a Poisson process. */
  expected: number;
  /** By how much requests that wait together lower their number as independent ones, ≥ 1. */
  designEffect: number;
  noise: Variates;
}

/**
 * What a random sample of a window's requests shows of an arm.
 *
 * Quantiles are read at noisy probabilities, which have the asymptotic covariance pᵢ·(1 − pⱼ) / n
 * of order statistics (Mosteller, Ann. Math. Statist. 17, 1946). That is the same to first order
 * as noise on the quantiles, and stays right where the density has a gap.
 */
export function sampled(sample: Sample, arm: Arm): WindowSummary {
  const { latencies, expected, noise } = sample;
  const requests = Math.max(1, Math.round(expected + Math.sqrt(expected) * noise.normal()));
  const independent = requests / sample.designEffect;
  const common = noise.normal();
  const own = jointNoise * common + Math.sqrt(1 - jointNoise ** 2) * noise.normal();
  const p50 = Math.exp(latencies.quantile(shareBeyond(0.5, independent, common)) + arm.body);
  const p99 = Math.exp(latencies.quantile(shareBeyond(0.01, independent, own)) + arm.tail);
  const moments = latencies.moments();
  const [body, tail] = [Math.exp(arm.body), Math.exp(arm.tail)];
  const mean = body * moments.body + tail * moments.tail;
  const square = body ** 2 * moments.bodySquare + tail ** 2 * moments.tailSquare;
  const sd = Math.sqrt(square - mean ** 2);
  // Independent of the quantiles' noise, which no rule sees: none looks at both.
  const meanNoise = (sd / Math.sqrt(independent)) * noise.normal();
  const cpuNoise = (cpuSpread / Math.sqrt(requests)) * noise.normal();
  const cpu = cpuShare * latencies.meanSlowness() + arm.cpu + cpuNoise;
  return {
    requests,
    p50Ns: Math.round(medianNs * p50),
    p99Ns: Math.round(medianNs * Math.max(p50, p99)),
    // Some heavy tails deserve a skewed mean; a negative one none does.
    meanNs: Math.round(medianNs * Math.max(mean / 2, mean + meanNoise)),
    sdNs: Math.round(medianNs * sd),
    cpuPerRequestNs: Math.round(cpuNs * Math.exp(cpu)),
  };
}

/**
 * The share of all latencies beyond the one that `share` of n requests exceed: mean and SD are
 * those of the beta distribution, the shape is log-normal, which keeps it positive and skews it as
 * the beta is skewed for small shares.
 */
function shareBeyond(share: number, n: number, normal: number): number {
  const variance = Math.log1p((1 - share) / (share * n));
  return Math.min(0.99, share * Math.exp(Math.sqrt(variance) * normal - variance / 2));
}
