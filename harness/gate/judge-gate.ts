import { median } from 'simple-statistics';
import {
  type GateEvidence,
  type GateUnitEvidence,
  incomparableWhy,
  phaseOf,
} from '../analyze/gate-evidence.ts';
import { type GateMetric, type GateMetricRounds, gateRounds } from '../analyze/gate-rounds.ts';
import { unitName } from '../plan/gate-plan.ts';
import { type Arm, eachArm, eachMode, gateModes } from '../scenario/arm.ts';
import { metrics } from '../scenario/metric.ts';
import { incompleteBeta } from '../stats/beta.ts';
import { holm } from '../stats/holm.ts';
import { concludeGate, openOutcomes } from './conclude-gate.ts';
import { machineFault, machineWarnings } from './disturbance.ts';
import { isUsable, roundEffects } from './effect.ts';
import type { LookDecision, UnitRounds } from './family.ts';
import { decideFamily } from './family.ts';
import type { GateReport, GateUnitReport, GateVerdict } from './gate-report.ts';

/** What the decisions need of a unit: its limits with all values so far. */
export function unitRounds(unit: GateUnitEvidence): UnitRounds {
  const values = gateRounds(unit);
  const limits = Object.entries(unit.plan.limitPercent) as [GateMetric, number][];
  return {
    id: unitName(unit.plan),
    rounds: unit.rounds.length,
    metrics: Object.fromEntries(
      limits.map(([metric, limitPercent]) => [
        metric,
        { better: metrics[metric].better, limitPercent, ...values[metric] },
      ]),
    ),
  };
}

/** The report of a gate's run; a pure function of what its directory holds. */
export function judgeGate({ record, units }: GateEvidence): GateReport {
  const isCompared = ({ plan }: GateUnitEvidence) => incomparableWhy(record, plan) === undefined;
  const decisions = decideFamily(units.filter(isCompared).map(unitRounds));
  const reports = units.map((unit): GateUnitReport => {
    const rounds = unitRounds(unit);
    const own = decisions.get(rounds.id) ?? {};
    const values = gateRounds(unit);
    const fault = unitFault(unit, record);
    return {
      id: rounds.id,
      base: record.builds[rounds.id]?.base.revision ?? record.base.revision,
      head: record.builds[rounds.id]?.head.revision ?? record.head.revision,
      load: `${(unit.plan.load.ratePerSec ?? 0).toLocaleString('en')} requests/s over 3 × ${unit.plan.load.connectionsPerVariant} connections`,
      rounds: rounds.rounds,
      verdicts: Object.entries(unit.plan.limitPercent).map(([metric, limitPercent]) =>
        verdictOf({
          ...{ metric: metric as GateMetric, limitPercent, decision: own[metric], values },
          fault,
        }),
      ),
    };
  });
  const verdicts = reports.flatMap((unit) => unit.verdicts);
  const tested = verdicts.filter(({ outcome }) => outcome !== 'incomparable');
  for (const [index, p] of holm(tested.map((verdict) => verdict.p)).entries()) {
    (tested[index] as GateVerdict).p = p;
  }
  return {
    schema: 1,
    runId: record.runId,
    command: record.command,
    startedAt: record.startedAt,
    durationNs: record.durationNs,
    base: record.base.revision,
    against: againstOf(record.base),
    head: record.head.revision,
    dirty: record.head.dirty,
    ...concludeGate(record, reports, record.base.loosened?.length ?? 0),
    compared: verdicts.filter(({ outcome }) => !openOutcomes.includes(outcome)).length,
    limits: verdicts.length,
    units: reports,
    warnings: warningsOf({ record, units }),
    fingerprint: record.fingerprint,
    fitness: record.fitness,
  };
}

/** The comparison that every verdict of a gate stands on, by its name. */
function againstOf({ asked, release }: GateEvidence['record']['base']): string {
  const what =
    asked === 'baseline'
      ? 'the revision of the committed baselines'
      : release === undefined
        ? `where the head left ${asked}`
        : `the last release, ${release}`;
  return `rebuilt: ${what}`;
}

interface Judged {
  metric: GateMetric;
  limitPercent: number;
  decision: LookDecision | undefined;
  values: Record<GateMetric, GateMetricRounds>;
  fault: Fault | null;
}

/** What takes the ground from all verdicts of a unit. */
interface Fault {
  outcome: 'invalid' | 'unmeasurable' | 'incomparable';
  why: string;
}

/** So many windows of the head alone are no accident. */
const spoiltWindows = 2;

/**
 * Rounds that the generator calls invalid are left out; were that the head's own doing, leaving them
 * out would acquit it. And a machine that was mostly somewhere else is no witness.
 */
function unitFault(unit: GateUnitEvidence, record: GateEvidence['record']): Fault | null {
  const incomparable = incomparableWhy(record, unit.plan);
  if (incomparable !== undefined) {
    return { outcome: 'incomparable', why: incomparable };
  }
  const reasons = unit.rounds.flatMap((round) =>
    gateModes.flatMap((mode) => {
      const phase = phaseOf(round, mode);
      const invalid = (arm: Arm) => phase?.arms[arm]?.validity.absolute === 'invalid';
      const own = phase?.arms['head']?.validity.reasons.find(
        ({ grade, cause }) => grade === 'invalid' && cause === 'server',
      );
      return own && invalid('head') && !invalid('base') && !invalid('control') ? [own.text] : [];
    }),
  );
  if (reasons.length >= spoiltWindows) {
    const why = `the head, and neither build of the base, failed the load in ${reasons.length} windows: ${reasons[0]}`;
    return { outcome: 'invalid', why };
  }
  const failed = failuresOf(unit);
  if (failed !== null) {
    return { outcome: 'invalid', why: failed };
  }
  const fitness = record.fitness.find((each) => each.unit === unitName(unit.plan));
  const why = fitness === undefined ? null : machineFault(fitness.after);
  return why === null ? null : { outcome: 'unmeasurable', why };
}

/** Of equal programs each fails a third of all that fail: less probable than this is the head's doing. */
const failureAlpha = 1e-4;

/** A request that fails has no latency: a head that fails some more would look no slower. */
function failuresOf({ rounds }: GateUnitEvidence): string | null {
  const counts = eachArm((arm) =>
    rounds
      .flatMap((round) => gateModes.map((mode) => phaseOf(round, mode)?.arms[arm]))
      .reduce(
        (sum, load) =>
          sum +
          (load ? load.unsent + Object.values(load.errors).reduce((all, n) => all + n, 0) : 0),
        0,
      ),
  );
  const others = counts.base + counts.control;
  // P(at least so many of all are the head's), binomial with 1/3: Abramowitz, Stegun, 26.5.24.
  return counts.head > 0 && incompleteBeta(1 / 3, counts.head, others + 1) <= failureAlpha
    ? `${counts.head} requests to the head failed, and ${others} to both builds of the base`
    : null;
}

function verdictOf({ metric, limitPercent, decision, values, fault }: Judged): GateVerdict {
  const { rounds, exceedances, offset = 0 } = values[metric];
  const sliced = rounds.sliced.filter((each) => each !== null);
  const common = {
    metric,
    limitPercent,
    ...(offset === 0 ? {} : { offset }),
    values:
      sliced.length === 0 ? null : eachArm((arm) => median(sliced.map((value) => value[arm]))),
    exceedances: exceedances?.sliced.reduce((sum, count) => sum + count, 0) ?? null,
    rounds: courseOf(values[metric], metrics[metric].better),
  };
  if (decision === undefined) {
    return {
      ...common,
      outcome: fault?.outcome === 'incomparable' ? 'incomparable' : 'unmeasurable',
      basis: 'sliced',
      ...{
        ratio: null,
        control: null,
        p: 1,
        afterRounds: rounds.sliced.length,
        neededRounds: null,
      },
      why:
        fault?.outcome === 'incomparable'
          ? fault.why
          : `${rounds.sliced.length} rounds, and no look is as early`,
    };
  }
  // What is counted is the same on a machine that was away.
  const spared = fault?.outcome === 'unmeasurable' && metrics[metric].kind === 'exact';
  // More rounds would mend neither.
  return { ...common, ...decision, ...(fault && !spared ? { ...fault, neededRounds: null } : {}) };
}

/** Every round's own ratios, so that a renderer can show how the rounds went. */
function courseOf(
  { rounds, offset = 0 }: GateMetricRounds,
  better: 'lower' | 'higher',
): NonNullable<GateVerdict['rounds']> {
  const effects = eachMode((mode) =>
    rounds[mode].map((value) => {
      const shifted = value && eachArm((arm) => value[arm] + offset);
      return isUsable(shifted) ? roundEffects(shifted, better) : null;
    }),
  );
  return effects.sliced.map((sliced, index) => ({ sliced, mixed: effects.mixed[index] ?? null }));
}

/** Code and toolchain are two changes: what is compared here is said. */
function toolchainWarnings({ base, builds, fingerprint }: GateEvidence['record']): string[] {
  const all = Object.values(builds);
  const mixed = all.filter((own) => own.base.goVersion !== own.head.goVersion);
  if (mixed.length > 0) {
    const versions = [...new Set(mixed.map((own) => own.base.goVersion))].join(', ');
    const alone = all.every((own) => !own.head.dirty && own.head.revision === own.base.revision);
    const meaning = alone
      ? 'of the same code, so that this compares the toolchains'
      : 'what the toolchain does is in these verdicts too';
    return [
      `The base was built with ${versions} and the head with ${fingerprint.goVersion}: ${meaning}.`,
    ];
  }
  const other = (base.recordedGo ?? []).filter((version) => version !== fingerprint.goVersion);
  return other.length === 0
    ? []
    : [
        `The base was recorded with ${other.join(', ')}, and all three were built with ${fingerprint.goVersion}: what the change of toolchain did is a comparison of its own, and not in this one (--base-go recorded).`,
      ];
}

/** A machine that others use, or that lost time, is named; what it did shows in the control. */
function warningsOf({ record }: GateEvidence): string[] {
  const warnings = record.fitness.flatMap(({ unit, before, after }) =>
    machineWarnings(before, after).map((warning) => `${unit}: ${warning}`),
  );
  warnings.push(...(record.base.loosened ?? []));
  warnings.push(...toolchainWarnings(record));
  if (record.headArgs !== undefined) {
    warnings.push(
      `A trial of the gate: the head alone was started with ${record.headArgs.join(' ')}.`,
    );
  }
  if (record.head.dirty) {
    warnings.push('The head has uncommitted changes: nobody else can repeat this verdict.');
  }
  return warnings;
}
