import { type ExitCode, exitCode, worstExit } from '../lib/errors.ts';
import { formatRatio } from '../lib/units.ts';
import type { LostCapture, RunRecord } from '../run/run-record.ts';
import { metrics } from '../scenario/metric.ts';
import type { Comparison } from './comparison.ts';
import type { Outcome, Verdict } from './verdict.ts';

/** What each outcome of a gated metric makes the process exit with. */
const exitOf: Record<Outcome, ExitCode> = {
  pass: exitCode.pass,
  improved: exitCode.pass,
  'budget-warning': exitCode.pass,
  regressed: exitCode.regressed,
  'over-budget': exitCode.regressed,
  'expectation-broken': exitCode.regressed,
  inconclusive: exitCode.undecided,
  unmeasurable: exitCode.undecided,
  incomparable: exitCode.undecided,
  invalid: exitCode.invalidData,
};

/** Outcomes that decide nothing about the metric: they do not count as compared. */
const undecided: readonly Outcome[] = ['inconclusive', 'unmeasurable', 'incomparable', 'invalid'];

/** Worst first: the one that names the run. */
const severity: readonly Outcome[] = [
  'invalid',
  'regressed',
  'over-budget',
  'expectation-broken',
  'unmeasurable',
  'inconclusive',
  'incomparable',
  'budget-warning',
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

/**
 * One outcome, one exit code and one sentence for the whole run.
 * @param lost captures that the run did not have; one that `--require` names costs exit code 5
 */
export function conclude(
  record: RunRecord,
  scenarios: readonly Judged[],
  lost: readonly LostCapture[],
): Conclusion {
  const verdicts = scenarios.flatMap((scenario) => scenario.verdicts);
  const decided = verdicts.filter(({ outcome }) => !undecided.includes(outcome));
  const counts = { compared: decided.length, gated: verdicts.length };
  if (record.status !== 'complete') {
    const outcome = record.status === 'failed' ? failedOutcome(record) : 'interrupted';
    const headline =
      record.status === 'failed'
        ? `No verdict: ${record.failure.split('\n')[0]}`
        : 'No verdict: the run was interrupted; the rounds that were finished are shown.';
    const asked = record.status === 'running' ? exitCode.interrupted : record.failureExit;
    return { outcome, exitCode: asked as ExitCode, headline, ...counts };
  }
  const outcome = severity.find((name) => verdicts.some((v) => v.outcome === name)) ?? 'invalid';
  const required = lost.find(({ capability }) => record.required.includes(capability));
  const headline = [
    ...(required ? [`--require ${required.capability}: lost ${required.what}.`] : []),
    judgement(outcome, verdicts),
    ...scenarios.flatMap(variantSentences),
  ].join(' ');
  const codes = [
    ...verdicts.map((verdict) => exitOf[verdict.outcome]),
    ...(verdicts.length === 0 ? [exitCode.invalidData] : []),
    ...(required ? [exitCode.missingCapability] : []),
  ];
  return { outcome, exitCode: worstExit(codes), headline, ...counts };
}

/** A server that does not serve the load gives invalid data, before the first request counts. */
function failedOutcome({ failureExit }: RunRecord): Conclusion['outcome'] {
  return failureExit === exitCode.invalidData ? 'invalid' : 'infra-error';
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
    case 'budget-warning':
      return `Nothing failed; not shown to be within a warning level: ${list}${more}.`;
    case 'expectation-broken':
      return `Not as expected: ${list}${more}.`;
    default:
      return `Nothing regressed, and not everything could be decided: ${list}${more} ${outcome}.`;
  }
}

/** The finding about each variant, in words; it never changes the exit code. */
function variantSentences({ id, comparisons }: Judged): string[] {
  const latencies = comparisons.filter(
    ({ metric }) => metric === 'latency-p50' || metric === 'latency-p99',
  );
  return [...Map.groupBy(latencies, ({ variant }) => variant)].map(([variant, own]) => {
    const parts = own.map(
      ({ metric, ratio, direction }) =>
        `${metrics[metric].label} ${formatRatio(ratio)} (${directionWords[direction]})`,
    );
    return `${id}: ${variant} against ${own[0]?.reference}, ${parts.join(', ')}.`;
  });
}

const directionWords: Record<Comparison['direction'], string> = {
  better: 'lower',
  worse: 'higher',
  undecided: 'not distinguishable',
  equal: 'equal within 1 %',
};
