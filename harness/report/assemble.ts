import { agreementsOf } from '../analyze/agree.ts';
import type { Evidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { checkGenerator } from '../analyze/generator.ts';
import { mergeHistograms, valueAt } from '../analyze/histogram.ts';
import { measureScenario } from '../analyze/measure.ts';
import type { Baseline } from '../compare/baseline.ts';
import { compareVariants } from '../compare/compare-variants.ts';
import { conclude } from '../compare/conclude.ts';
import { judge } from '../compare/judge.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import type { RunRecord } from '../run/run-record.ts';
import { curvesOf } from './curves.ts';
import {
  descriptorReports,
  distributionsOf,
  observerCosts,
  profilesOf,
  serversOf,
  tracesOf,
} from './evidence-parts.ts';
import type { ClosedLoopReport, Report, ScenarioReport } from './report.ts';

/** The report of a run; a pure function of what its directory holds. */
export function assembleReport(
  evidence: Evidence,
  baselines: ReadonlyMap<string, Baseline>,
): Report {
  const { record } = evidence;
  const scenarios = evidence.scenarios.map((scenario) =>
    reportScenario(record, scenario, baselines.get(scenario.plan.id) ?? null),
  );
  const lost = lostCaptures(evidence);
  return {
    schema: 1,
    runId: record.runId,
    suite: record.suite,
    command: record.command,
    startedAt: record.startedAt,
    durationNs: record.durationNs,
    status: record.status === 'running' ? 'interrupted' : record.status,
    failure: record.failure,
    version: record.version,
    revision: record.revision,
    dirty: record.dirty,
    quick: record.quick,
    seed: record.seed,
    fingerprint: record.fingerprint,
    fitness: record.fitness,
    checks: record.checks,
    lost,
    ...conclude(
      record,
      scenarios.map(({ id, verdicts, comparisons }) => ({ id, verdicts, comparisons })),
      lost,
    ),
    degraded: lost.length > 0,
    scenarios,
  };
}

function reportScenario(
  record: RunRecord,
  evidence: ScenarioEvidence,
  baseline: Baseline | null,
): ScenarioReport {
  const { plan } = evidence;
  const { scenario } = plan;
  const measurements = evidence.rounds.length === 0 ? [] : measureScenario(evidence);
  const generator = checkGenerator(evidence);
  const findings = diagnose(evidence);
  const agreements = agreementsOf(evidence);
  const profiles = profilesOf(evidence);
  return {
    id: plan.id,
    title: scenario.title,
    question: scenario.question,
    reference: scenario.reference,
    load: describeLoad(evidence),
    rounds: plan.rounds.length,
    finished: evidence.rounds.length,
    servers: serversOf(record, evidence),
    verdicts: judge({
      ...{ record, evidence, measurements, generator, findings, baseline },
      agreements,
    }),
    comparisons: compareVariants(measurements, scenario.reference),
    measurements,
    curves: curvesOf(evidence),
    distributions: distributionsOf(evidence),
    profiles: profiles.summaries,
    traces: tracesOf(evidence),
    descriptors: descriptorReports(evidence),
    observerCost: observerCosts(evidence),
    closedLoop: closedLoopReports(evidence),
    generator,
    agreements,
    findings,
    warnings: [...warningsOf(evidence), ...profiles.warnings],
  };
}

function describeLoad({ plan }: ScenarioEvidence): string {
  const { load, variants } = plan.scenario;
  const arms = Object.keys(variants).length;
  const mix =
    load.interleave === 'slice'
      ? `${load.sliceMs} ms slices, ABBA`
      : 'each request to a random one';
  return (
    `open loop, ${load.ratePerSec.toLocaleString('en')} requests/s Poisson over ` +
    `${arms} × ${load.connectionsPerVariant} connections, ${mix}`
  );
}

/** Capabilities that were missing from the start, and captures that single rounds lost. */
function lostCaptures({ record, scenarios }: Evidence): Report['lost'] {
  const inRounds = scenarios.flatMap(({ plan, rounds }) =>
    rounds.flatMap(({ record: { round, missing } }) =>
      Object.entries(missing).map(([file, reason]) => ({
        capability: file === 'netprobe.json' ? 'ebpf' : 'pprof',
        what: `${file} of ${plan.id}, round ${round}`,
        reason,
        remedy: 'npm run doctor',
      })),
    ),
  );
  return [...record.lost, ...inRounds, ...scenarios.flatMap(lostProbes)];
}

/** Metrics that netprobe could not take of a server that it watched, once each. */
function lostProbes({ plan, rounds }: ScenarioEvidence): Report['lost'] {
  const reasons = new Map<string, string>();
  for (const { netprobe } of rounds) {
    for (const [variant, target] of Object.entries(netprobe?.targets ?? {})) {
      for (const [metric, reason] of Object.entries(target.unavailable ?? {})) {
        reasons.set(`${metric} of ${plan.id}, ${variant}`, reason);
      }
    }
  }
  const remedy = 'build the server with its symbols: without -ldflags=-s';
  return [...reasons].map(([what, reason]) => ({ capability: 'ebpf', what, reason, remedy }));
}

function warningsOf({ plan, rounds }: ScenarioEvidence): string[] {
  const warnings: string[] = [];
  if (rounds.length < plan.rounds.length) {
    warnings.push(`${rounds.length} of ${plan.rounds.length} rounds were finished`);
  }
  for (const { record, netprobe } of rounds) {
    for (const [variant, target] of Object.entries(netprobe?.targets ?? {})) {
      const lost = Object.entries(target.lost).filter(([, count]) => count > 0);
      if (lost.length > 0) {
        const list = lost.map(([kind, count]) => `${kind} ${count}`).join(', ');
        warnings.push(`round ${record.round}, ${variant}: netprobe lost events (${list})`);
      }
    }
  }
  return warnings;
}

function closedLoopReports({ closedLoop }: ScenarioEvidence): ClosedLoopReport[] {
  return Object.entries(closedLoop?.variants ?? {}).map(([variant, result]) => {
    const histogram = mergeHistograms([result.latencyHistogramUs]);
    const failed = result.errors + result.non2xx + result.timeouts;
    const warnings = ['closed loop: service time as this client sees it, no claim under 1 ms'];
    if (result.clientCpuRatio > 0.9) {
      const share = Math.round(result.clientCpuRatio * 100);
      warnings.push(`the client used ${share} % of its core: it is the limit, not the server`);
    }
    return {
      variant,
      requestsPerSec: result.requestsPerSec,
      p50Us: valueAt(histogram, 0.5) ?? 0,
      p99Us: valueAt(histogram, 0.99) ?? 0,
      completed: result.completed,
      failed,
      clientCpuRatio: result.clientCpuRatio,
      eventLoopDelayP99Ns: result.eventLoopDelayP99Ns,
      warnings,
    };
  });
}
