import type { Finding } from '../diagnose/finding.ts';
import { dataFault } from './data-fault.ts';
import type { JudgeInput } from './gated.ts';
import type { Verdict } from './verdict.ts';

/** Exactly the expected causes must be confirmed; one that could not be looked for decides nothing. */
export function judgeExpectations(input: JudgeInput): Verdict[] {
  const { expect = {} } = input.evidence.plan.scenario;
  return Object.entries(expect).map(([variant, causes]) => {
    const findings = input.findings.filter((finding) => finding.variant === variant);
    const verdict = expectationVerdict(variant, causes, findings);
    const fault =
      missingRounds(input) ??
      dataFault(input, variant, 'unobserved') ??
      dataFault(input, variant, 'observed');
    return fault === null
      ? verdict
      : { ...verdict, outcome: 'invalid', found: fault, advice: 'repeat the run' };
  });
}

/** A round that is not there could have held the finding. */
function missingRounds({ record, evidence }: JudgeInput): string | null {
  const finished = evidence.rounds.length;
  const planned = evidence.plan.rounds.length;
  return record.status === 'complete' && finished < planned
    ? `${finished} of ${planned} rounds are there`
    : null;
}

function expectationVerdict(
  variant: string,
  causes: readonly string[],
  findings: readonly Finding[],
): Verdict {
  const confirmed = findings.filter((f) => f.state === 'confirmed').map((f) => f.cause as string);
  const open = findings.filter((f) => f.state === 'unknown' || f.state === 'suspected');
  const common = {
    variant,
    subject: 'findings',
    kind: 'expectation' as const,
    expected: listOf(causes),
    found: findings.map((finding) => finding.summary).join('; ') || listOf(confirmed),
    ratio: null,
    values: [],
  };
  if (open.length > 0 || findings.length === 0) {
    const advice = open[0]?.remedy ?? 'npm run doctor';
    return { ...common, outcome: 'unmeasurable', advice };
  }
  const asExpected =
    confirmed.length === causes.length && causes.every((cause) => confirmed.includes(cause));
  return asExpected
    ? { ...common, outcome: 'pass', advice: '' }
    : {
        ...common,
        outcome: 'expectation-broken',
        advice: 'the server, or the scenario’s "expect", is not what it was',
      };
}

function listOf(causes: readonly string[]): string {
  return causes.length === 0 ? 'no finding' : causes.join(', ');
}
