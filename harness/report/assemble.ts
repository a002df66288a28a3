import { agreementsOf } from '../analyze/agree.ts';
import { connectionsOf } from '../analyze/connections.ts';
import type { Evidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { flamesOf } from '../analyze/flames.ts';
import { checkGenerator, checkPaired } from '../analyze/generator.ts';
import { goroutineLivesOf } from '../analyze/goroutine-lives.ts';
import { heatMapsOf } from '../analyze/heat-map.ts';
import { measureScenario } from '../analyze/measure.ts';
import type { Baseline } from '../compare/baseline.ts';
import { compareVariants } from '../compare/compare-variants.ts';
import { conclude } from '../compare/conclude.ts';
import { judge } from '../compare/judge.ts';
import { overrideWarnings } from '../compare/override-words.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import type { RunRecord } from '../run/run-record.ts';
import type { Load } from '../scenario/scenario.ts';
import { closedLoopReports } from './closed-loop.ts';
import { curvesOf } from './curves.ts';
import {
  descriptorReports,
  distributionsOf,
  observerCosts,
  profilesOf,
  serversOf,
  tracesOf,
} from './evidence-parts.ts';
import type { Report, ScenarioReport } from './report.ts';

/** Of all flame graphs together: about a megabyte of the report. */
const maxFlameNodes = 16_000;

/** The report of a run; a pure function of what its directory holds. */
export function assembleReport(
  evidence: Evidence,
  baselines: ReadonlyMap<string, Baseline>,
): Report {
  const { record } = evidence;
  const scenarios = evidence.scenarios.map((scenario) =>
    reportScenario(record, scenario, {
      baseline: baselines.get(scenario.plan.id) ?? null,
      flameNodes: Math.floor(maxFlameNodes / evidence.scenarios.length),
    }),
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
  { baseline, flameNodes }: { baseline: Baseline | null; flameNodes: number },
): ScenarioReport {
  const { plan } = evidence;
  const { scenario } = plan;
  const measurements = evidence.rounds.length === 0 ? [] : measureScenario(evidence);
  const generator = checkGenerator(evidence);
  const findings = diagnose(evidence);
  const agreements = agreementsOf(evidence);
  const profiles = profilesOf(evidence);
  const flames = flamesOf(evidence, flameNodes);
  const heatMaps = heatMapsOf(evidence);
  const unseen = notSeen(evidence);
  const connections = connectionsOf(evidence);
  const goroutines = goroutineLivesOf(evidence);
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
    ...(heatMaps.length === 0 ? {} : { heatMaps }),
    ...(unseen.length === 0 ? {} : { notSeen: unseen }),
    ...(connections.length === 0 ? {} : { connections }),
    ...(goroutines.length === 0 ? {} : { goroutines }),
    profiles: profiles.summaries,
    ...(flames.length === 0 ? {} : { flames }),
    traces: tracesOf(evidence),
    descriptors: descriptorReports(evidence),
    observerCost: observerCosts(evidence),
    closedLoop: closedLoopReports(evidence),
    generator,
    paired: checkPaired(evidence),
    agreements,
    findings,
    warnings: [
      ...overrideWarnings(scenario, record),
      ...warningsOf(evidence),
      ...profiles.warnings,
    ],
  };
}

function describeLoad({ plan }: ScenarioEvidence): string {
  const { load, variants } = plan.scenario;
  const arms = Object.keys(variants).length;
  return (
    `open loop, ${describeArrivals(load)} over ` +
    `${arms} × ${load.connectionsPerVariant} connections, ${describeTurns(load)}`
  );
}

function describeArrivals({ arrivals, ratePerSec = 0 }: Load): string {
  const rate = `${ratePerSec.toLocaleString('en')} requests/s`;
  switch (arrivals?.kind) {
    case 'constant':
      return `${rate} at even distances`;
    case 'on-off':
      return `${rate} in the mean, ${arrivals.onMs} ms on (Poisson) and ${arrivals.offMs} ms off,`;
    case 'ramp':
      return `${rate} rising or falling to ${arrivals.toRatePerSec.toLocaleString('en')} (Poisson)`;
    case 'replay':
      return `the recording ${arrivals.file}`;
    default:
      return `${rate} Poisson`;
  }
}

function describeTurns({ interleave, sliceMs }: Load): string {
  switch (interleave) {
    case 'slice':
      return `${sliceMs} ms slices in turn`;
    case 'request':
      return 'each request to a random one';
    case 'run':
      return 'two long turns each, ABBA, never connected together';
  }
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

/** What measurements and findings are made of; all else that netprobe tells stands beside them. */
const reliedOn = [
  'wakeupNs',
  'netpollBlockedNs',
  'netpollPollNs',
  'netpollReadyEvents',
  'readNs',
  'writeNs',
  'syscalls',
  'descriptors',
] as const;

/** What netprobe was asked for beside that and could not tell, and why. */
function notSeen({ rounds }: ScenarioEvidence): NonNullable<ScenarioReport['notSeen']> {
  const reasons = new Map<string, { variant: string; metric: string; reason: string }>();
  for (const { netprobe } of rounds) {
    for (const [variant, target] of Object.entries(netprobe?.targets ?? {})) {
      for (const [metric, reason] of Object.entries(target.unavailable ?? {})) {
        // A probe that was not asked for is no loss.
        if (!isReliedOn(metric) && !reason.endsWith(' not selected')) {
          reasons.set(`${variant} ${metric}`, { variant, metric, reason });
        }
      }
    }
  }
  return [...reasons.values()];
}

function isReliedOn(metric: string): boolean {
  return reliedOn.some((each) => each === metric);
}

/** Metrics that netprobe could not take of a server that it watched, once each. */
function lostProbes({ plan, rounds }: ScenarioEvidence): Report['lost'] {
  const reasons = new Map<string, string>();
  for (const { netprobe } of rounds) {
    for (const [variant, target] of Object.entries(netprobe?.targets ?? {})) {
      for (const metric of reliedOn) {
        const reason = target.unavailable?.[metric];
        if (reason !== undefined) {
          reasons.set(`${metric} of ${plan.id}, ${variant}`, reason);
        }
      }
    }
  }
  return [...reasons].map(([what, reason]) => ({
    ...{ capability: 'ebpf', what, reason },
    remedy: reason.startsWith('symbol ')
      ? 'build the server with its symbols: without -ldflags=-s'
      : 'npm run doctor',
  }));
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
