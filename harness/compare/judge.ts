import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { reasonTexts } from '../analyze/generator.ts';
import type { Measurement } from '../analyze/measurement.ts';
import { budgetOf, chooseOverride } from '../scenario/budget.ts';
import { isMetricId, type MetricId, metrics } from '../scenario/metric.ts';
import { neededExceedances } from '../stats/exceedance.ts';
import { dataFault } from './data-fault.ts';
import type { Gated, JudgeInput } from './gated.ts';
import { judgeBudget } from './judge-budget.ts';
import { judgeExpectations } from './judge-expectation.ts';
import { judgeRegression } from './judge-regression.ts';
import type { Verdict } from './verdict.ts';

/** One verdict for every limit of every gate and variant, and for every expectation. */
export function judge(input: JudgeInput): Verdict[] {
  const { scenario } = input.evidence.plan;
  const verdicts = Object.entries(scenario.gates).flatMap(([metric, gate]) =>
    Object.keys(scenario.variants).flatMap((variant): Verdict[] => {
      if (!isMetricId(metric)) {
        throw new Error(`the plan gates ${metric}, which is no metric`);
      }
      const measured = readGated(input, variant, metric);
      const limits: Verdict[] = [];
      const budget = budgetOf(gate);
      if (budget !== null) {
        const choice = chooseOverride(scenario, { variant, metric }, input.record);
        limits.push(judgeBudget(measured, budget, choice));
      }
      if (gate.regressionLimitPercent !== undefined) {
        limits.push(judgeRegression(input, measured, gate.regressionLimitPercent));
      }
      return limits;
    }),
  );
  return [...verdicts, ...judgeExpectations(input)];
}

function readGated(input: JudgeInput, variant: string, metric: MetricId): Gated {
  const measurement = input.measurements.find(
    (candidate) => candidate.variant === variant && candidate.metric === metric,
  );
  return {
    variant,
    metric,
    values: measurement?.values ?? [],
    summary: measurement?.summary ?? null,
    unfit: unfitness(input, variant, metric, measurement),
    suspicion: suspicionOf(input, variant, metric),
  };
}

/** Dead data must not pass: every way to have none is named here, before any limit is looked at. */
export function unfitness(
  input: JudgeInput,
  variant: string,
  metric: MetricId,
  measurement: Measurement | undefined,
): Gated['unfit'] {
  const { record, evidence } = input;
  const { window } = metrics[metric];
  const finished = evidence.rounds.length;
  if (record.status !== 'complete' && finished < evidence.plan.rounds.length) {
    const found = `${finished} of ${evidence.plan.rounds.length} rounds were finished`;
    return { outcome: 'unmeasurable', found, advice: 'let a run come to its end' };
  }
  const fault = window === 'closed-loop' ? null : dataFault(input, variant, window);
  if (fault !== null) {
    return { outcome: 'invalid', found: fault, advice: 'look at the server and repeat the run' };
  }
  const lost = record.lost.find(({ capability }) => window === 'observed' && capability === 'ebpf');
  if (lost !== undefined) {
    return {
      outcome: 'unmeasurable',
      found: `no ${lost.what}: ${lost.reason}`,
      advice: lost.remedy,
    };
  }
  const dropped = droppedEvents(evidence, variant, metric);
  if (dropped !== null) {
    return {
      outcome: 'invalid',
      found: dropped,
      advice: 'lower ratePerSec: a probe’s map was full',
    };
  }
  // Of the plan, not of the rounds that are there: a round that got lost must not go unnoticed.
  const planned = window === 'closed-loop' ? 1 : evidence.plan.rounds.length;
  const present = measurement?.values.filter((value) => Number.isFinite(value)).length ?? 0;
  if (measurement === undefined || measurement.summary === null || present < planned) {
    const reason = evidence.rounds.flatMap(({ record: r }) => Object.values(r.missing))[0];
    const found = `${present} of ${planned} rounds have a value`;
    const outcome = window === 'observed' ? 'unmeasurable' : 'invalid';
    return { outcome, found: reason ? `${found}: ${reason}` : found, advice: 'npm run doctor' };
  }
  if (metric === 'latency-p99' && measurement.samples < 100 * neededExceedances) {
    const factor = (100 * neededExceedances) / Math.max(1, measurement.samples);
    return {
      outcome: 'unmeasurable',
      found: `${Math.floor(measurement.samples / 100)} requests beyond p99, ${neededExceedances} needed`,
      advice: `measure ${factor.toFixed(1)} times as long: rounds.count or rounds.unobservedMs`,
    };
  }
  return null;
}

/** What is counted is the same however late the generator was. */
function suspicionOf({ generator }: JudgeInput, variant: string, metric: MetricId): string | null {
  const { kind, window } = metrics[metric];
  if (kind === 'exact' || window !== 'unobserved') {
    return null;
  }
  const doubted = generator.find(
    (check) => check.variant === variant && check.absolute !== 'valid',
  );
  return doubted === undefined ? null : `round ${doubted.round}: ${reasonTexts(doubted)}`;
}

/** The counters of lost events (bpf/README.md) that make a metric too small. */
const lossesOf: Partial<Record<MetricId, readonly string[]>> = {
  'leaked-descriptors-per-1000': ['fdMapFull', 'threadStateFull'],
  'wakeup-p99': ['wakeupMapFull'],
};

function droppedEvents(
  evidence: ScenarioEvidence,
  variant: string,
  metric: MetricId,
): string | null {
  for (const { record, netprobe } of evidence.rounds) {
    for (const name of lossesOf[metric] ?? []) {
      const count = netprobe?.targets[variant]?.lost[name] ?? 0;
      if (count > 0) {
        return `round ${record.round}: ${count} events lost (${name})`;
      }
    }
  }
  return null;
}
