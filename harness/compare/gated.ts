import type { Agreement } from '../analyze/agreement.ts';
import type { ScenarioEvidence } from '../analyze/evidence.ts';
import type { GeneratorCheck } from '../analyze/generator.ts';
import type { Measurement } from '../analyze/measurement.ts';
import type { Finding } from '../diagnose/finding.ts';
import type { RunRecord } from '../run/run-record.ts';
import type { MetricId } from '../scenario/metric.ts';
import type { Baseline } from './baseline.ts';

/** Everything that a verdict about one scenario may look at. */
export interface JudgeInput {
  record: RunRecord;
  evidence: ScenarioEvidence;
  measurements: readonly Measurement[];
  generator: readonly GeneratorCheck[];
  findings: readonly Finding[];
  agreements: readonly Agreement[];
  baseline: Baseline | null;
}

/** A gated metric of one variant: measured, or with the reason why it must not be judged. */
export interface Gated {
  variant: string;
  metric: MetricId;
  values: Measurement['values'];
  summary: Measurement['summary'];
  unfit: { outcome: 'invalid' | 'unmeasurable'; found: string; advice: string } | null;
  /** Why the generator doubts a time: its own delays are in it. Null where it does not. */
  suspicion: string | null;
}

/** Advice for an interval that reaches over a limit. */
export const moreRounds =
  'the interval reaches over the limit: run again with more or longer rounds';
