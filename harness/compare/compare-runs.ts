import { mean } from 'simple-statistics';
import type { Evidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { confidence } from '../analyze/interval.ts';
import type { Measurement } from '../analyze/measurement.ts';
import { type MetricId, metricIds, metrics } from '../scenario/metric.ts';
import { welchInterval } from '../stats/welch.ts';
import { whyIncomparable } from './comparable.ts';
import { designSha256 } from './design.ts';
import { unfitness } from './judge.ts';
import { judgeInputOf } from './judge-input.ts';
import { countFloor } from './judge-regression.ts';

/** What two separate runs can show. A pass is not among it: that needs both programs side by side. */
type RunFinding = 'higher' | 'lower' | 'no difference shown' | 'incomparable';

/** One metric of one variant in both runs; base unit of the metric. */
export interface RunDifference {
  scenario: string;
  variant: string;
  metric: MetricId;
  /** Centres over rounds; null where the run has none. */
  a: number | null;
  b: number | null;
  /**
   * B ÷ A of the geometric means, with a 95 % interval over the rounds of both; bounds are null with
   * fewer than 2 rounds or without any spread, all of it where a value is not above 0, or nothing may be compared.
   */
  ratio: { center: number; lo: number | null; hi: number | null } | null;
  /** `higher`: more of the metric in B. */
  finding: RunFinding;
  /** Why nothing may be compared, or nothing could be shown; empty otherwise. */
  why: string;
}

export interface RunsCompared {
  differences: RunDifference[];
  /** Scenarios that only one of the runs has. */
  onlyA: string[];
  onlyB: string[];
}

interface Side {
  name: 'A' | 'B';
  record: Evidence['record'];
  evidence: ScenarioEvidence;
  measurements: readonly Measurement[];
  input: Parameters<typeof unfitness>[0];
}

/** Every scenario, variant and metric that both runs have; a pure function of the two. */
export function compareRuns(a: Evidence, b: Evidence): RunsCompared {
  const nameOf = ({ plan }: ScenarioEvidence) => `${plan.suite}/${plan.id}`;
  const [namesA, namesB] = [a, b].map(({ scenarios }) => scenarios.map(nameOf)) as [
    string[],
    string[],
  ];
  const differences = a.scenarios.flatMap((own) => {
    const other = b.scenarios.find((candidate) => nameOf(candidate) === nameOf(own));
    return other === undefined
      ? []
      : compareScenario(nameOf(own), sideOf('A', a, own), sideOf('B', b, other));
  });
  return {
    differences,
    onlyA: namesA.filter((name) => !namesB.includes(name)),
    onlyB: namesB.filter((name) => !namesA.includes(name)),
  };
}

function sideOf(name: 'A' | 'B', { record }: Evidence, evidence: ScenarioEvidence): Side {
  const input = judgeInputOf(record, evidence);
  return { name, record, evidence, measurements: input.measurements, input };
}

function compareScenario(scenario: string, a: Side, b: Side): RunDifference[] {
  const variants = [a, b].flatMap(({ evidence }) => Object.keys(evidence.plan.scenario.variants));
  return [...new Set(variants)].flatMap((variant) =>
    metricIds.flatMap((metric) => {
      const [own, other] = [a, b].map(({ measurements }) =>
        measurements.find((each) => each.variant === variant && each.metric === metric),
      );
      const values = { a: own?.summary?.center ?? null, b: other?.summary?.center ?? null };
      if (values.a === null && values.b === null) {
        return [];
      }
      const common = { scenario, variant, metric, ...values };
      const why = whyNot(a, b, { variant, metric, own, other });
      return [
        why === null && own !== undefined && other !== undefined
          ? withToolchain({ ...common, ...difference(metric, own, other) }, a, b)
          : { ...common, ratio: null, finding: 'incomparable' as const, why: why ?? 'no value' },
      ];
    }),
  );
}

interface Pair {
  variant: string;
  metric: MetricId;
  own: Measurement | undefined;
  other: Measurement | undefined;
}

/** Null where both values may stand side by side. */
function whyNot(a: Side, b: Side, { variant, metric, own, other }: Pair): string | null {
  const comparable = ({ evidence, record }: Side) => ({
    designSha256: designSha256(evidence.plan),
    fingerprint: record.fingerprint,
  });
  const { kind } = metrics[metric];
  const why = whyIncomparable(comparable(a), comparable(b), kind);
  if (why !== null) {
    return why.reason === 'design'
      ? 'the scenario differs: variants, load or windows'
      : `other machine: ${why.differing.join(', ')}`;
  }
  const quick = [a, b].filter(({ record }) => record.quick).map(({ name }) => name);
  if (kind === 'time' && quick.length > 0) {
    return `${quick.join(' and ')}: a --quick run is too short for times`;
  }
  for (const [side, measurement] of [
    [a, own],
    [b, other],
  ] as const) {
    const unfit = unfitness(side.input, variant, metric, measurement);
    if (unfit !== null) {
      return `${side.name}: ${unfit.found}`;
    }
  }
  return null;
}

/** Counts belong to the program and its Go: where that changed, it may be what made them differ. */
function withToolchain(found: RunDifference, a: Side, b: Side): RunDifference {
  const [goA, goB] = [a, b].map(({ record: { fingerprint } }) =>
    [fingerprint.goVersion, fingerprint.goArch].join(' '),
  );
  const why = [found.why, `A of ${goA}, B of ${goB}`].filter((words) => words !== '').join('; ');
  return goA === goB ? found : { ...found, why };
}

type Judged = Pick<RunDifference, 'ratio' | 'finding' | 'why'>;

function difference(metric: MetricId, a: Measurement, b: Measurement): Judged {
  const [own, other] = [a, b].map(({ values }) => values.filter((value) => value !== null)) as [
    number[],
    number[],
  ];
  const positive = [...own, ...other].every((value) => value > 0);
  if (own.length < 2 || other.length < 2) {
    return single(metrics[metric].kind, own, other);
  }
  if (metrics[metric].kind === 'time' && [own, other].every(isConstant)) {
    // Buckets are a few percent wide: equal values are a bucket's, and no certainty.
    return {
      ratio: positive ? { center: center(other) / center(own), lo: null, hi: null } : null,
      finding: 'no difference shown',
      why: 'all rounds of a run have the same value: no finer than a bucket',
    };
  }
  const shift = welchInterval(own, other, confidence);
  if (metrics[metric].kind === 'exact' && Math.abs(shift.center) <= countFloor) {
    const ratio = positive ? ratioOf(own, other) : null;
    const why = shift.center === 0 ? '' : `not more than ${countFloor} apart`;
    return { ratio, finding: 'no difference shown', why };
  }
  if (!positive) {
    return { ratio: null, finding: findingOf(shift, 0), why: 'not above 0: no ratio' };
  }
  const ratio = ratioOf(own, other);
  return { ratio, finding: findingOf(ratio, 1), why: '' };
}

/** Of one round nobody knows the spread; a count has none that matters beyond its floor. */
function single(kind: 'time' | 'exact', own: readonly number[], other: readonly number[]): Judged {
  const [a, b] = [mean([...own]), mean([...other])];
  const positive = [...own, ...other].every((value) => value > 0);
  const ratio = positive ? { center: center(other) / center(own), lo: null, hi: null } : null;
  if (kind === 'exact' && Math.abs(b - a) > countFloor) {
    return {
      ratio,
      finding: b > a ? 'higher' : 'lower',
      why: `counted, more than ${countFloor} apart`,
    };
  }
  const rounds = `A has ${plural(own.length)}, B ${plural(other.length)}`;
  return {
    ratio,
    finding: 'no difference shown',
    why: `${rounds}: nothing is known of the spread`,
  };
}

function plural(rounds: number): string {
  return rounds === 1 ? '1 round' : `${rounds} rounds`;
}

function center(values: readonly number[]): number {
  return Math.exp(mean(values.map(Math.log)));
}

function isConstant(values: readonly number[]): boolean {
  return values.every((value) => value === values[0]);
}

function ratioOf(a: readonly number[], b: readonly number[]) {
  const { center, lo, hi } = welchInterval(a.map(Math.log), b.map(Math.log), confidence);
  return { center: Math.exp(center), lo: Math.exp(lo), hi: Math.exp(hi) };
}

function findingOf({ lo, hi }: { lo: number; hi: number }, equal: number): RunFinding {
  if (lo > equal) {
    return 'higher';
  }
  return hi < equal ? 'lower' : 'no difference shown';
}
