import type { RoundEvidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { coarseRows, mergeProbeHistograms, probeValueAt } from '../analyze/histogram.ts';
import { intervalOf } from '../analyze/interval.ts';
import { pollerCalls } from '../analyze/netpoller-proof.ts';
import { mergeWeights, profileWeights } from '../analyze/profile.ts';
import { roundReaders, viewRound } from '../analyze/round-values.ts';
import { descriptorBalance } from '../diagnose/fd-leak.ts';
import { messageOf } from '../lib/errors.ts';
import { formatInteger } from '../lib/units.ts';
import type { RunRecord } from '../run/run-record.ts';
import type {
  DescriptorReport,
  ObserverCost,
  ProbeDistribution,
  ProfileSummary,
  ServerReport,
  TraceReport,
} from './report.ts';

const topFunctions = 25;

function variantsOf(evidence: ScenarioEvidence): string[] {
  return Object.keys(evidence.plan.scenario.variants);
}

/** The servers as the first finished round had them; builds do not change within a run. */
export function serversOf(record: RunRecord, evidence: ScenarioEvidence): ServerReport[] {
  const [first] = evidence.rounds;
  return variantsOf(evidence).flatMap((variant) => {
    const server = first?.record.servers[variant];
    if (server === undefined) {
      return [];
    }
    const build = record.builds.find(({ sha256 }) => sha256 === server.sha256);
    const calls = pollerCalls(evidence, variant);
    return [
      {
        variant,
        sha256: server.sha256,
        goVersion: build?.goVersion ?? 'unknown',
        netpoller: server.netpoller,
        netpollerProof:
          calls === null
            ? 'by its own account; not proved without eBPF'
            : `epoll_pwait ${formatInteger(calls.epoll)}, io_uring_enter ${formatInteger(calls.ioUring)}`,
        cpus: server.cpus,
        goMaxProcs: server.goMaxProcs,
      },
    ];
  });
}

/** Every distribution that netprobe took, over all rounds together. */
export function distributionsOf(evidence: ScenarioEvidence): ProbeDistribution[] {
  return variantsOf(evidence).flatMap((variant) => {
    const targets = evidence.rounds.flatMap((round) => viewRound(round, variant).probe ?? []);
    const names = new Set(targets.flatMap((target) => Object.keys(target.histograms)));
    return [...names].flatMap((name): ProbeDistribution[] => {
      const taken = targets.flatMap((target) => target.histograms[name] ?? []);
      const merged = mergeProbeHistograms(taken);
      return merged.count === 0
        ? []
        : [
            {
              variant,
              name,
              unit: unitOf(name),
              count: merged.count,
              mean: merged.sum / merged.count,
              p50: probeValueAt(merged, 0.5) ?? 0,
              p99: probeValueAt(merged, 0.99) ?? 0,
              max: merged.max,
              overflow: merged.overflow,
              rows: coarseRows(merged),
            },
          ];
    });
  });
}

/** Metrics of netprobe carry their unit in the name. */
function unitOf(metric: string): ProbeDistribution['unit'] {
  if (metric.endsWith('Ns')) {
    return 'ns';
  }
  return metric.endsWith('Bytes') ? 'bytes' : 'count';
}

const profileKinds = [
  { profile: 'cpu', unit: 'ns', of: (round: RoundEvidence) => round.cpuProfiles },
  { profile: 'goroutine', unit: 'count', of: (round: RoundEvidence) => round.goroutineProfiles },
] as const;

/** CPU and goroutine profiles of all rounds as one; a damaged one is left out and named. */
export function profilesOf(evidence: ScenarioEvidence): {
  summaries: ProfileSummary[];
  warnings: string[];
} {
  const warnings: string[] = [];
  const summaries = variantsOf(evidence).flatMap((variant) =>
    profileKinds.flatMap(({ profile, unit, of }): ProfileSummary[] => {
      const taken = evidence.rounds.flatMap((round) => {
        const bytes = of(round)[variant];
        try {
          return bytes === undefined ? [] : [profileWeights(bytes, profile)];
        } catch (error) {
          const where = `round ${round.record.round}, ${variant}`;
          warnings.push(`${where}: the ${profile} profile cannot be read: ${messageOf(error)}`);
          return [];
        }
      });
      if (taken.length === 0) {
        return [];
      }
      const { total, samples, functions } = mergeWeights(taken);
      return [
        { variant, profile, unit, total, samples, functions: functions.slice(0, topFunctions) },
      ];
    }),
  );
  return { summaries, warnings };
}

export function tracesOf(evidence: ScenarioEvidence): TraceReport[] {
  return variantsOf(evidence).flatMap((variant) =>
    evidence.rounds.flatMap((round) => {
      const trace = round.traces[variant];
      if (trace === undefined) {
        return [];
      }
      const { durationNs, blockedNs, syscallNs, runnableNs, runningNs } = trace;
      const { count, p50, p99 } = trace.networkWakeupNs;
      return [
        {
          variant,
          ...{ durationNs, blockedNs, syscallNs, runnableNs, runningNs },
          networkWakeup: { count, p50, p99 },
        },
      ];
    }),
  );
}

export function descriptorReports(evidence: ScenarioEvidence): DescriptorReport[] {
  return evidence.rounds.length === 0
    ? []
    : variantsOf(evidence).map((variant) => ({
        variant,
        ...descriptorBalance(evidence, variant),
      }));
}

/** Observed ÷ unobserved window, paired by round; only rounds with the usual set of captures. */
export function observerCosts(evidence: ScenarioEvidence): ObserverCost[] {
  const usual = new Set(
    evidence.plan.rounds.filter((planned) => planned.observe === 'cpu').map(({ round }) => round),
  );
  const rounds = evidence.rounds.filter(
    ({ record, netprobe }) => usual.has(record.round) && netprobe,
  );
  return variantsOf(evidence).flatMap((variant) =>
    costReaders.flatMap(({ metric, read }): ObserverCost[] => {
      const pairs = rounds.flatMap((round) => {
        const view = viewRound(round, variant);
        const unobserved = read({ ...view });
        const observed = read({
          ...view,
          unobserved: view.observed,
          unobservedEdges: view.observedEdges,
        });
        return unobserved && observed ? [{ unobserved, observed }] : [];
      });
      if (pairs.length === 0) {
        return [];
      }
      const center = (name: string, values: number[]) =>
        Math.exp(intervalOf(values.map(Math.log), `${variant}/${metric}/${name}`).center);
      return [
        {
          variant,
          metric,
          unit: 'ns',
          unobserved: center(
            'u',
            pairs.map((pair) => pair.unobserved),
          ),
          observed: center(
            'o',
            pairs.map((pair) => pair.observed),
          ),
          ratio: center(
            'r',
            pairs.map((pair) => pair.observed / pair.unobserved),
          ),
        },
      ];
    }),
  );
}

/** The same readers for both windows: the observed one is handed over in the other's place. */
const costReaders = [
  { metric: 'latency-p50', read: roundReaders['latency-p50'] },
  { metric: 'latency-p99', read: roundReaders['latency-p99'] },
  { metric: 'cpu-per-request', read: roundReaders['cpu-per-request'] },
] as const;
