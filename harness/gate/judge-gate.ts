import { median } from 'simple-statistics';
import { type GateEvidence, type GateUnitEvidence, phaseOf } from '../analyze/gate-evidence.ts';
import { type GateMetric, type GateMetricRounds, gateRounds } from '../analyze/gate-rounds.ts';
import { type ExitCode, exitCode, worstExit } from '../lib/errors.ts';
import { unitName } from '../plan/gate-plan.ts';
import { type Arm, eachArm, gateModes } from '../scenario/arm.ts';
import { metrics } from '../scenario/metric.ts';
import { holm } from '../stats/holm.ts';
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
  const family = units.map(unitRounds);
  const decisions = decideFamily(family);
  const reports = units.map((unit, index): GateUnitReport => {
    const rounds = family[index] as UnitRounds;
    const own = decisions.get(rounds.id) ?? {};
    const values = gateRounds(unit);
    const fault = unitFault(unit, record);
    return {
      id: rounds.id,
      title: `${unit.plan.suite}/${unit.plan.id}, ${unit.plan.variant}`,
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
  for (const [index, p] of holm(verdicts.map((verdict) => verdict.p)).entries()) {
    (verdicts[index] as GateVerdict).p = p;
  }
  const conclusion = concludeGate(record, reports);
  return {
    schema: 1,
    runId: record.runId,
    command: record.command,
    startedAt: record.startedAt,
    durationNs: record.durationNs,
    base: record.base.revision,
    head: record.head.revision,
    dirty: record.head.dirty,
    ...conclusion,
    compared: verdicts.filter(({ outcome }) => !undecided.includes(outcome)).length,
    limits: verdicts.length,
    units: reports,
    warnings: warningsOf({ record, units }),
  };
}

const undecided: readonly GateVerdict['outcome'][] = ['inconclusive', 'unmeasurable', 'invalid'];

interface Judged {
  metric: GateMetric;
  limitPercent: number;
  decision: LookDecision | undefined;
  values: Record<GateMetric, GateMetricRounds>;
  fault: Fault | null;
}

/** What takes the ground from all verdicts of a unit. */
interface Fault {
  outcome: 'invalid' | 'unmeasurable';
  why: string;
}

/** So many windows of the head alone are no accident. */
const spoiltWindows = 2;
/** A hypervisor that takes more than this has left too little to compare. */
const mostSteal = 0.1;

/**
 * Rounds that the generator calls invalid are left out; were that the head's own doing, leaving them
 * out would acquit it. And a machine that was mostly somewhere else is no witness.
 */
function unitFault(unit: GateUnitEvidence, record: GateEvidence['record']): Fault | null {
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
  const steal = record.fitness.find((each) => each.unit === unitName(unit.plan))?.after?.stealRatio;
  if (steal !== undefined && steal > mostSteal) {
    const why = `the hypervisor took ${(100 * steal).toFixed(0)} % of the CPU time meanwhile`;
    return { outcome: 'unmeasurable', why };
  }
  return null;
}

function verdictOf({ metric, limitPercent, decision, values, fault }: Judged): GateVerdict {
  const { rounds, exceedances } = values[metric];
  const sliced = rounds.sliced.filter((each) => each !== null);
  const common = {
    metric,
    limitPercent,
    values:
      sliced.length === 0 ? null : eachArm((arm) => median(sliced.map((value) => value[arm]))),
    exceedances: exceedances?.sliced.reduce((sum, count) => sum + count, 0) ?? null,
  };
  if (decision === undefined) {
    return {
      ...common,
      outcome: 'unmeasurable',
      basis: 'sliced',
      ...{
        ratio: null,
        control: null,
        p: 1,
        afterRounds: rounds.sliced.length,
        neededRounds: null,
      },
      why: `${rounds.sliced.length} rounds, and no look is as early`,
    };
  }
  // What is counted is the same on a machine that was away.
  const spared = fault?.outcome === 'unmeasurable' && metrics[metric].kind === 'exact';
  return { ...common, ...decision, ...(spared ? {} : fault) };
}

const exitOf: Record<GateVerdict['outcome'], ExitCode> = {
  pass: exitCode.pass,
  improved: exitCode.pass,
  regressed: exitCode.regressed,
  inconclusive: exitCode.undecided,
  unmeasurable: exitCode.undecided,
  invalid: exitCode.invalidData,
};

function concludeGate(
  record: GateEvidence['record'],
  units: readonly GateUnitReport[],
): Pick<GateReport, 'outcome' | 'exitCode' | 'headline'> {
  if (record.status !== 'complete') {
    const failed = record.status === 'failed';
    const fallback = failed ? exitCode.infrastructure : exitCode.interrupted;
    const found = units.flatMap(({ id, verdicts }) =>
      verdicts
        .filter(({ outcome }) => outcome === 'regressed')
        .map(({ metric }) => `${id} ${metrics[metric as GateMetric].label}`),
    );
    const until = found.length === 0 ? '' : ` Regressed until then: ${found.join(', ')}.`;
    const asked = record.status === 'running' ? fallback : record.failureExit || fallback;
    return {
      outcome: failed ? 'infra-error' : 'interrupted',
      exitCode: asked,
      headline: failed
        ? `No verdict: ${record.failure.split('\n')[0]}${until}`
        : `No verdict: the run was interrupted${until || '; what was decided until then is shown.'}`,
    };
  }
  const all = units.flatMap(({ id, verdicts }) => verdicts.map((verdict) => ({ id, ...verdict })));
  if (all.length === 0) {
    return { outcome: 'invalid', exitCode: exitCode.invalidData, headline: 'Nothing was gated.' };
  }
  const names = (outcomes: readonly string[]) =>
    all
      .filter(({ outcome }) => outcomes.includes(outcome))
      .map(({ id, metric }) => `${id} ${metrics[metric as GateMetric].label}`)
      .join(', ');
  const code = worstExit(all.map(({ outcome }) => exitOf[outcome]));
  const [regressed, open] = [names(['regressed']), names(undecided)];
  const openWords = open === '' ? '' : ` Not decided: ${open}.`;
  if (regressed !== '') {
    return {
      outcome: 'regressed',
      exitCode: code,
      headline: `Regressed: ${regressed}.${openWords}`,
    };
  }
  return open === ''
    ? {
        outcome: 'pass',
        exitCode: code,
        headline: `Passed: all ${all.length} limits were shown to hold.`,
      }
    : { outcome: 'undecided', exitCode: code, headline: `Nothing regressed.${openWords}` };
}

/** A machine that others use, or that lost time, is named; what it did shows in the control. */
function warningsOf({ record }: GateEvidence): string[] {
  const warnings: string[] = [];
  for (const { unit, before, after } of record.fitness) {
    if (after !== null && after.stealRatio > 0.02) {
      warnings.push(
        `${unit}: the hypervisor took ${(100 * after.stealRatio).toFixed(1)} % of the CPU time meanwhile`,
      );
    }
    if (after !== null && Math.abs(Math.log(after.calibrationNs / before.calibrationNs)) > 0.1) {
      const change = 100 * (after.calibrationNs / before.calibrationNs - 1);
      const word = change > 0 ? 'longer' : 'shorter';
      warnings.push(
        `${unit}: a fixed piece of work took ${Math.abs(change).toFixed(0)} % ${word} after than before`,
      );
    }
  }
  if (record.head.dirty) {
    warnings.push('The head has uncommitted changes: nobody else can repeat this verdict.');
  }
  return warnings;
}
