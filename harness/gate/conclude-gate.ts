import { type ExitCode, exitCode, worstExit } from '../lib/errors.ts';
import type { GateRecord } from '../run/gate-record.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';
import type { GateReport, GateUnitReport, GateVerdict } from './gate-report.ts';

type Outcome = GateVerdict['outcome'];

/** What is neither shown to be within its limit nor shown to be beyond it. */
export const openOutcomes: readonly Outcome[] = [
  'inconclusive',
  'unmeasurable',
  'incomparable',
  'invalid',
];

const exitOf: Record<Outcome, ExitCode> = {
  pass: exitCode.pass,
  improved: exitCode.pass,
  regressed: exitCode.regressed,
  inconclusive: exitCode.undecided,
  unmeasurable: exitCode.undecided,
  incomparable: exitCode.undecided,
  invalid: exitCode.invalidData,
};

type Conclusion = Pick<GateReport, 'outcome' | 'exitCode' | 'headline'>;

/**
 * All verdicts in one word, one exit code (the gravest) and one sentence.
 * @param loosened what of the base's gate the change has taken away or weakened
 */
export function concludeGate(
  record: Pick<GateRecord, 'status' | 'failure' | 'failureExit'>,
  units: readonly Pick<GateUnitReport, 'id' | 'verdicts'>[],
  loosened = 0,
): Conclusion {
  const red = namesOf(units, ['regressed']);
  if (record.status !== 'complete') {
    return unfinished(record, red);
  }
  const outcomes = units.flatMap(({ verdicts }) => verdicts.map(({ outcome }) => outcome));
  if (outcomes.length === 0) {
    return { outcome: 'invalid', exitCode: exitCode.invalidData, headline: 'Nothing was gated.' };
  }
  const code = worstExit(outcomes.map((outcome) => exitOf[outcome]));
  const invalid = namesOf(units, ['invalid']);
  const undecided = namesOf(units, ['inconclusive', 'unmeasurable', 'incomparable']);
  if (red === '' && invalid !== '') {
    const headline = `Invalid data: ${invalid}.${undecided === '' ? '' : ` Not decided: ${undecided}.`}`;
    return { outcome: 'invalid', exitCode: code, headline };
  }
  if (red === '' && undecided === '') {
    const headline =
      loosened === 0
        ? `Passed: all ${outcomes.length} limits were shown to hold.`
        : `Passed the ${outcomes.length} limits that are left; the change weakens the gate in ${loosened} ${loosened === 1 ? 'point' : 'points'}.`;
    return { outcome: 'pass', exitCode: code, headline };
  }
  const headline = [
    red === '' ? 'Nothing regressed.' : `Regressed: ${red}.`,
    ...(invalid === '' ? [] : [`Invalid data: ${invalid}.`]),
    ...(undecided === '' ? [] : [`Not decided: ${undecided}.`]),
  ].join(' ');
  return {
    outcome: red === '' ? 'undecided' : 'regressed',
    exitCode: code,
    headline,
  };
}

/** A run that did not come to its end has no verdict, whatever it found until then. */
function unfinished(
  { status, failure, failureExit }: Parameters<typeof concludeGate>[0],
  red: string,
): Conclusion {
  const until = red === '' ? '' : ` Regressed until then: ${red}.`;
  if (status === 'failed') {
    const headline = `No verdict: ${failure.split('\n')[0]}${until}`;
    return { outcome: 'infra-error', exitCode: failureExit || exitCode.infrastructure, headline };
  }
  const headline = `No verdict: the run was interrupted${until === '' ? '; what was decided until then is shown.' : `.${until}`}`;
  const asked = status === 'running' ? 0 : failureExit;
  return { outcome: 'interrupted', exitCode: asked || exitCode.interrupted, headline };
}

/** "io_uring/hello-http/epoll p50, …"; empty where there is none. */
function namesOf(
  units: readonly Pick<GateUnitReport, 'id' | 'verdicts'>[],
  outcomes: readonly Outcome[],
): string {
  return units
    .flatMap(({ id, verdicts }) =>
      verdicts
        .filter(({ outcome }) => outcomes.includes(outcome))
        .map(({ metric }) => `${id} ${isMetricId(metric) ? metrics[metric].label : metric}`),
    )
    .join(', ');
}
