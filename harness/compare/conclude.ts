import { type ExitCode, exitCode, worstExit } from '../lib/errors.ts';
import { formatRatio } from '../lib/units.ts';
import type { RunRecord } from '../run/run-record.ts';
import { metrics } from '../scenario/metric.ts';
import type { Comparison } from './comparison.ts';
import type { Outcome, Verdict } from './verdict.ts';

/** What each outcome of a gated metric makes the process exit with. */
const exitOf: Record<Outcome, ExitCode> = {
  pass: exitCode.pass,
  improved: exitCode.pass,
  regressed: exitCode.regressed,
  'over-budget': exitCode.regressed,
  'expectation-broken': exitCode.regressed,
  inconclusive: exitCode.undecided,
  unmeasurable: exitCode.undecided,
  incomparable: exitCode.undecided,
  invalid: exitCode.invalidData,
};

/** Worst first: the one that names the run. */
const severity: readonly Outcome[] = [
  'invalid',
  'regressed',
  'over-budget',
  'expectation-broken',
  'unmeasurable',
  'inconclusive',
  'incomparable',
  'improved',
  'pass',
];

export interface Judged {
  id: string;
  verdicts: readonly Verdict[];
  comparisons: readonly Comparison[];
}

export interface Conclusion {
  outcome: Outcome | 'infra-error' | 'interrupted';
  exitCode: ExitCode;
  headline: string;
  /** Verdicts that could be decided, of all that are gated. */
  compared: number;
  gated: number;
}

/** One outcome, one exit code and one sentence for the whole run. */
export function conclude(record: RunRecord, scenarios: readonly Judged[]): Conclusion {
  const verdicts = scenarios.flatMap((scenario) => scenario.verdicts);
  const decided = verdicts.filter(({ outcome }) => exitOf[outcome] !== exitCode.undecided);
  const counts = { compared: decided.length, gated: verdicts.length };
  if (record.status !== 'complete') {
    const outcome = record.status === 'failed' ? 'infra-error' : 'interrupted';
    const headline =
      record.status === 'failed'
        ? `No verdict: ${record.failure.split('\n')[0]}`
        : 'No verdict: the run was interrupted; the rounds that were finished are shown.';
    const asked = record.status === 'running' ? exitCode.interrupted : record.failureExit;
    return { outcome, exitCode: asked as ExitCode, headline, ...counts };
  }
  const outcome = severity.find((name) => verdicts.some((v) => v.outcome === name)) ?? 'invalid';
  const headline = [judgement(outcome, verdicts), ...scenarios.flatMap(variantSentence)].join(' ');
  return {
    outcome,
    exitCode:
      verdicts.length === 0
        ? exitCode.invalidData
        : worstExit(verdicts.map((v) => exitOf[v.outcome])),
    headline,
    ...counts,
  };
}

function judgement(outcome: Outcome, verdicts: readonly Verdict[]): string {
  const named = verdicts.filter((verdict) => verdict.outcome === outcome);
  const list = [...new Set(named.map((v) => `${v.variant} ${v.subject}`))].slice(0, 3).join(', ');
  const more = named.length > 3 ? ` and ${named.length - 3} more` : '';
  switch (outcome) {
    case 'pass':
    case 'improved':
      return 'Every gated metric passes.';
    case 'invalid':
      return verdicts.length === 0
        ? 'Nothing was gated.'
        : `The data of ${list}${more} is not valid.`;
    case 'regressed':
      return `Regressed: ${list}${more}.`;
    case 'over-budget':
      return `Over budget: ${list}${more}.`;
    case 'expectation-broken':
      return `Not as expected: ${list}${more}.`;
    default:
      return `Nothing regressed, and not everything could be decided: ${list}${more} ${outcome}.`;
  }
}

/** The finding about the variants, in words; it never changes the exit code. */
function variantSentence({ id, comparisons }: Judged): string[] {
  const parts = comparisons
    .filter(({ metric }) => metric === 'latency-p50' || metric === 'latency-p99')
    .map(({ metric, ratio, direction }) => {
      const words = {
        better: 'lower',
        worse: 'higher',
        undecided: 'not distinguishable',
        equal: 'equal within 1 %',
      }[direction];
      return `${metrics[metric].label} ${formatRatio(ratio)} (${words})`;
    });
  const [first] = comparisons;
  return first === undefined || parts.length === 0
    ? []
    : [`${id}: ${first.variant} against ${first.reference}, ${parts.join(', ')}.`];
}
