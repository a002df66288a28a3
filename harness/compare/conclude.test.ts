import { expect, test } from 'vitest';
import type { ExitCode } from '../lib/errors.ts';
import { makeRecord } from '../test/evidence.ts';
import type { Comparison } from './comparison.ts';
import { conclude } from './conclude.ts';
import type { Outcome, Verdict } from './verdict.ts';

function verdict(outcome: Outcome, subject = 'latency-p50'): Verdict {
  return {
    ...{ variant: 'epoll', subject, kind: 'regression', outcome, expected: '', found: '' },
    ...{ ratio: null, values: [], advice: '' },
  };
}

const concludeOn = (verdicts: Verdict[], comparisons: Comparison[] = []) =>
  conclude(makeRecord(), [{ id: 'hello-http', verdicts, comparisons }], []);

test.for<[outcomes: Outcome[], Outcome, ExitCode]>([
  [['pass', 'pass'], 'pass', 0],
  [['pass', 'improved'], 'improved', 0],
  [['pass', 'improved', 'budget-warning'], 'budget-warning', 0],
  [['budget-warning', 'inconclusive'], 'inconclusive', 6],
  [['budget-warning', 'over-budget'], 'over-budget', 1],
  [['improved', 'regressed'], 'regressed', 1],
  [['pass', 'over-budget'], 'over-budget', 1],
  [['pass', 'expectation-broken'], 'expectation-broken', 1],
  [['pass', 'inconclusive'], 'inconclusive', 6],
  [['pass', 'unmeasurable'], 'unmeasurable', 6],
  [['pass', 'incomparable'], 'incomparable', 6],
  [['regressed', 'inconclusive'], 'regressed', 1],
  [['regressed', 'invalid'], 'invalid', 3],
  [['over-budget', 'unmeasurable', 'invalid', 'pass'], 'invalid', 3],
  [[], 'invalid', 3],
])('%j is %s, exit %d', ([outcomes, outcome, exitCode]) => {
  const verdicts = outcomes.map((each) => verdict(each));
  expect(concludeOn(verdicts)).toMatchObject({ outcome, exitCode });
  expect(concludeOn(verdicts.toReversed())).toMatchObject({ outcome, exitCode });
});

test('says how many of the gated metrics could be decided', () => {
  const { compared, gated } = concludeOn([
    verdict('pass'),
    verdict('regressed'),
    verdict('inconclusive'),
    verdict('incomparable'),
  ]);
  expect({ compared, gated }).toEqual({ compared: 2, gated: 4 });
});

test.for<[Verdict[], string]>([
  [[verdict('pass')], 'Every gated metric passes.'],
  [[], 'Nothing was gated.'],
  [[verdict('regressed'), verdict('pass', 'latency-p99')], 'Regressed: epoll latency-p50.'],
  [[verdict('over-budget')], 'Over budget: epoll latency-p50.'],
  [
    [verdict('budget-warning'), verdict('pass')],
    'Nothing failed; not shown to be within a warning level: epoll latency-p50.',
  ],
  [[verdict('expectation-broken', 'findings')], 'Not as expected: epoll findings.'],
  [[verdict('invalid')], 'The data of epoll latency-p50 is not valid.'],
  [
    [verdict('incomparable')],
    'Nothing regressed, and not everything could be decided: epoll latency-p50 incomparable.',
  ],
  [
    ['a', 'b', 'c', 'd', 'e'].map((subject) => verdict('regressed', subject)),
    'Regressed: epoll a, epoll b, epoll c and 2 more.',
  ],
])('headline %#', ([verdicts, headline]) => {
  expect(concludeOn(verdicts).headline).toBe(headline);
});

test('what the variants do to each other stands in the sentence and not in the exit code', () => {
  const ratio = { center: 2.3, lo: 2.2, hi: 2.4, confidence: 0.95, n: 8 };
  const slow: Comparison = {
    ...{ metric: 'latency-p50', variant: 'io_uring', reference: 'epoll', ratio },
    ...{ direction: 'worse', warnings: [] },
  };
  const { exitCode, headline } = concludeOn([verdict('pass')], [slow]);
  expect(exitCode).toBe(0);
  expect(headline).toBe(
    'Every gated metric passes. hello-http: io_uring against epoll, p50 ×2.30 [2.20, 2.40] (higher).',
  );
});

test.for([
  [{ status: 'failed', failure: 'no server', failureExit: 4 }, 'infra-error', 4],
  [{ status: 'failed', failure: 'it answers 500', failureExit: 3 }, 'invalid', 3],
  [{ status: 'interrupted', failureExit: 143 }, 'interrupted', 143],
  [{ status: 'interrupted', failureExit: 130 }, 'interrupted', 130],
  [{ status: 'running', failureExit: 0 }, 'interrupted', 130],
] as const)('a run that is %j is never green', ([changes, outcome, exitCode]) => {
  const judged = [{ id: 'hello-http', verdicts: [verdict('pass')], comparisons: [] }];
  const conclusion = conclude(makeRecord(changes), judged, []);
  expect(conclusion).toMatchObject({ outcome, exitCode, compared: 1, gated: 1 });
  expect(conclusion.headline).toMatch(/^No verdict: /);
});
