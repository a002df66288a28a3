import { encodeIntoCompressedBase64 } from 'hdr-histogram-js';
import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { mergeHistograms } from '../analyze/histogram.ts';
import { ratioIntervalOf } from '../analyze/interval.ts';
import { measureScenario } from '../analyze/measure.ts';
import type { Interval } from '../analyze/measurement.ts';
import { viewRound } from '../analyze/round-values.ts';
import { sha256 } from '../build/hash.ts';
import type { RunRecord } from '../run/run-record.ts';
import type { MetricId } from '../scenario/metric.ts';
import type { Baseline } from './baseline.ts';
import { designSha256 } from './design.ts';

/** Digits kept in a committed figure: more would be noise in every diff. */
const digits = 5;
const sharedMetrics: readonly MetricId[] = ['latency-p50', 'latency-p99', 'cpu-per-request'];

/**
 * The baseline of one scenario from runs of one revision, newest first, that nothing speaks against
 * (baseline-refusal.ts).
 * @param command that accepts these runs
 */
export function makeBaseline(
  records: readonly RunRecord[],
  runs: readonly ScenarioEvidence[],
  command = `npm run baseline -- accept ${runs[0]?.plan.suite}`,
): Baseline {
  const [record] = records;
  const [newest] = runs;
  if (record === undefined || newest === undefined) {
    throw new RangeError('a baseline is made from at least one run');
  }
  return {
    schema: 1,
    suite: newest.plan.suite,
    scenario: newest.plan.id,
    designSha256: designSha256(newest.plan),
    revision: record.revision,
    fingerprint: record.fingerprint,
    runs: records.map(({ runId }) => runId),
    provenance: provenanceOf(record, records, runs, command),
    metrics: centresByRun(runs),
    ratios: ratios(runs),
    histograms: histograms(runs),
  };
}

function provenanceOf(
  newest: RunRecord,
  records: readonly RunRecord[],
  runs: readonly ScenarioEvidence[],
  command: string,
): NonNullable<Baseline['provenance']> {
  const began = records.map(({ startedAt }) => startedAt).sort();
  const fingerprint = Object.entries(newest.fingerprint).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    command,
    from: began[0] ?? '',
    to: began.at(-1) ?? '',
    versions: [...new Set(records.map(({ version }) => version))].sort(),
    rounds: runs.map(({ rounds }) => rounds.length),
    hostSha256: sha256(JSON.stringify(fingerprint)),
  };
}

function centresByRun(runs: readonly ScenarioEvidence[]): Baseline['metrics'] {
  const centres: Record<string, number[]> = {};
  for (const { variant, metric, summary } of runs.flatMap(measureScenario)) {
    if (summary !== null && Number.isFinite(summary.center)) {
      const key = `${variant}/${metric}`;
      centres[key] = [...(centres[key] ?? []), rounded(summary.center)];
    }
  }
  // A metric that one of the runs could not measure has no honest spread.
  return Object.fromEntries(
    Object.entries(centres).filter(([, values]) => values.length === runs.length),
  );
}

/** Variant ÷ reference over the rounds of all runs, paired by round. */
function ratios(runs: readonly ScenarioEvidence[]): Record<string, Interval> {
  const paired: Record<string, number[]> = {};
  for (const run of runs) {
    const measurements = measureScenario(run);
    const { reference } = run.plan.scenario;
    for (const { variant, metric, values } of measurements) {
      const base = measurements.find((m) => m.variant === reference && m.metric === metric);
      if (variant === reference || base === undefined || !sharedMetrics.includes(metric)) {
        continue;
      }
      values.forEach((value, round) => {
        const other = base.values[round] ?? null;
        if (value !== null && other !== null && value > 0 && other > 0) {
          const key = `${variant}/${reference} ${metric}`;
          paired[key] = [...(paired[key] ?? []), value / other];
        }
      });
    }
  }
  return Object.fromEntries(
    Object.entries(paired).map(([key, values]) => {
      const { center, lo, hi, confidence, n } = ratioIntervalOf(values, key);
      const bound = (value: number | null) => (value === null ? null : rounded(value));
      return [key, { center: rounded(center), lo: bound(lo), hi: bound(hi), confidence, n }];
    }),
  );
}

function histograms(runs: readonly ScenarioEvidence[]): Record<string, string> {
  const variants = Object.keys(runs[0]?.plan.scenario.variants ?? {});
  return Object.fromEntries(
    variants.flatMap((variant) => {
      const blobs = runs.flatMap(({ rounds }) =>
        rounds.flatMap((round) => viewRound(round, variant).unobserved?.latencyHistogram ?? []),
      );
      const merged = mergeHistograms(blobs);
      return merged === undefined ? [] : [[variant, encodeIntoCompressedBase64(merged)]];
    }),
  );
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits));
}
