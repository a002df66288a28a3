import { type MetricId, metricIds, metrics } from '../scenario/metric.ts';
import { neededExceedances } from '../stats/exceedance.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { intervalOf, ratioIntervalOf } from './interval.ts';
import type { Measurement } from './measurement.ts';
import { roundReaders, viewRound } from './round-values.ts';

const sources = {
  unobserved: 'load generator and server counters, unobserved window',
  observed: 'netprobe (eBPF), observed window',
  'closed-loop': 'autocannon, closed loop',
} as const;

/** Every metric of every variant that this scenario's captures can give. */
export function measureScenario(evidence: ScenarioEvidence): Measurement[] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) =>
    metricIds.flatMap((metric) => {
      const measurement =
        metric === 'throughput-closed-loop'
          ? measureClosedLoop(evidence, variant)
          : measureRounds(evidence, variant, metric);
      return measurement === undefined ? [] : [measurement];
    }),
  );
}

function measureRounds(
  evidence: ScenarioEvidence,
  variant: string,
  metric: Exclude<MetricId, 'throughput-closed-loop'>,
): Measurement | undefined {
  const { window, unit } = metrics[metric];
  const views = evidence.rounds.map((round) => viewRound(round, variant));
  const values = views.map((view) => finiteOrNull(roundReaders[metric](view)));
  const samples = views.reduce((sum, view) => {
    const arm = window === 'observed' ? view.observed : view.unobserved;
    return sum + (arm?.completed ?? 0);
  }, 0);
  const present = values.filter((value) => value !== null);
  // Runs recorded before it was counted have nothing to say of it.
  if (metric === 'io-calls-per-request' && present.length === 0) {
    return undefined;
  }
  const name = `${evidence.plan.id}/${variant}/${metric}`;
  const positive = unit === 'ns' && present.every((value) => value > 0);
  const summarize = positive ? ratioIntervalOf : intervalOf;
  return {
    variant,
    metric,
    values,
    samples,
    summary: present.length === 0 ? null : summarize(present, name),
    source: sources[window],
    warnings: warningsOf(metric, samples),
  };
}

function warningsOf(metric: MetricId, samples: number): string[] {
  const warnings: string[] = [];
  const exceedances = Math.floor(samples / 100);
  if (metric === 'latency-p99' && exceedances < neededExceedances) {
    warnings.push(`p99 stands on ${exceedances} slower requests; ${neededExceedances} are needed`);
  }
  return warnings;
}

/** One value, not one per round: autocannon runs once per variant. */
function measureClosedLoop(evidence: ScenarioEvidence, variant: string): Measurement | undefined {
  const result = evidence.closedLoop?.[variant]?.autocannon;
  if (result === undefined) {
    return undefined;
  }
  const usable = result.completed > 0 && result.errors + result.non2xx + result.timeouts === 0;
  const value = usable ? result.requestsPerSec : null;
  return {
    variant,
    metric: 'throughput-closed-loop',
    values: [value],
    samples: result.completed,
    summary: value === null ? null : intervalOf([value], variant),
    source: sources['closed-loop'],
    warnings: [
      'one run, without an interval; the client shares the machine',
      ...(usable ? [] : [`${result.errors + result.non2xx + result.timeouts} requests failed`]),
    ],
  };
}

/** NaN and infinity compare as «not worse»; they are no measurement. */
function finiteOrNull(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
