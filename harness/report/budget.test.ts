/** Budgets from the scenario to the words that a user reads. */
import { expect, test } from 'vitest';
import type { ScenarioEvidence } from '../analyze/evidence.ts';
import type { RunRecord } from '../run/run-record.ts';
import type { BudgetOverride, Scenario } from '../scenario/scenario.ts';
import { makeEvidence, makeRecord, makeScenario, unobservedArm } from '../test/evidence.ts';
import { assembleReport } from './assemble.ts';
import { renderConsole } from './render/console.ts';
import { renderHtml } from './render/html.ts';
import { renderMarkdown } from './render/markdown.ts';
import { outcomeWords } from './words.ts';

const override: BudgetOverride = {
  ...{ branch: 'topic', variant: 'epoll', metric: 'latency-p50', fail: 2_000_000 },
  ...{ reason: 'the pool is being rewritten', expires: '2026-11-30' },
};

/** Both variants have a p50 of about 61 µs. */
const tight: Scenario['gates'] = { 'latency-p50': { maxNs: 50_000 } };

function reportOf(
  gates: Scenario['gates'],
  budgetOverrides: BudgetOverride[] = [],
  record: Partial<RunRecord> = {},
  change: (evidence: ScenarioEvidence) => void = () => {},
) {
  const evidence = makeEvidence({ scenario: makeScenario({ gates, budgetOverrides }) });
  change(evidence);
  const run = { record: makeRecord(record), scenarios: [evidence] };
  const report = assembleReport(run, new Map());
  const [scenario] = report.scenarios;
  const verdict = scenario?.verdicts.find(({ variant }) => variant === 'epoll');
  return { report, verdict, warnings: scenario?.warnings ?? [] };
}

test('a broken warn level is shown and is exit code 0', () => {
  const { report, verdict } = reportOf({ 'latency-p50': { maxNs: { warn: 50_000, fail: 1e6 } } });
  expect(verdict).toMatchObject({ outcome: 'budget-warning', kind: 'budget' });
  expect(report).toMatchObject({ outcome: 'budget-warning', exitCode: 0, compared: 2, gated: 2 });
  expect(report.headline).toContain('not shown to be within a warning level: epoll latency-p50');
  expect(outcomeWords[report.outcome]).toMatchObject({ label: 'budget warning', tone: 'warn' });
});

test('an override of the run’s branch applies, and its reason stands in the text', () => {
  const { report, verdict, warnings } = reportOf(tight, [override], { branch: 'topic' });
  const words = 'override on topic until 2026-11-30: the pool is being rewritten';
  expect(verdict).toMatchObject({ outcome: 'pass', expected: `p50 ≤ 2.00 ms; ${words}` });
  expect(warnings).toEqual([`budget of epoll p50: ${words}`]);
  // It is of one variant: the other one keeps its budget.
  expect(report).toMatchObject({ outcome: 'over-budget', exitCode: 1 });
});

test('an expired override does not apply and says so', () => {
  const record = { branch: 'topic', startedAt: '2026-12-01T00:00:00.000Z' };
  const { verdict, warnings } = reportOf(tight, [override], record);
  const words =
    'the override on topic expired on 2026-11-30 and does not apply: the pool is being rewritten';
  expect(verdict).toMatchObject({ outcome: 'over-budget', expected: 'p50 ≤ 50.0 µs' });
  expect(verdict?.advice).toContain(words);
  expect(warnings).toEqual([`budget of epoll p50: ${words}`]);
});

test.for<[branch: Partial<RunRecord>, warnings: string[]]>([
  [{ branch: 'main' }, []],
  [{}, ['the branch of this run is not known: no budget override applies']],
])('a run that is not on the branch (%j) keeps the budget', ([record, expected]) => {
  const { verdict, warnings } = reportOf(tight, [override], record);
  expect(verdict).toMatchObject({ outcome: 'over-budget', expected: 'p50 ≤ 50.0 µs' });
  expect(warnings).toEqual(expected);
});

test('a budget for failed requests', () => {
  const gates = { 'failed-requests-per-1000': { maxCount: 0.5 } };
  expect(reportOf(gates).verdict).toMatchObject({ outcome: 'pass', found: '0 [0, 0]' });
  const failing = reportOf(gates, [], {}, (evidence) => {
    for (const { round } of evidence.plan.rounds) {
      const arm = unobservedArm(evidence, round, 'epoll');
      arm.errors.timeout = Math.round(arm.scheduled * 0.0008);
    }
  });
  expect(failing.verdict).toMatchObject({ outcome: 'over-budget' });
  expect(failing.report.exitCode).toBe(1);
});

test.for<[Scenario['gates']]>([
  [{ 'latency-p50': { maxNs: 1e9 } }],
  [{ 'cpu-per-request': { maxNs: 1e9 } }],
  [{ 'failed-requests-per-1000': { maxCount: 1000 } }],
])('what the generator calls invalid meets no budget, however wide: %j', ([gates]) => {
  const { report, verdict } = reportOf(gates, [], {}, (evidence) => {
    const arm = unobservedArm(evidence, 2, 'epoll');
    arm.validity = {
      ...arm.validity,
      absolute: 'invalid',
      reasons: [
        {
          ...{ rule: 'lost', grade: 'invalid', cause: 'server', seen: 1, limit: 0, unit: '' },
          text: 'half of the requests have no good reply',
        },
      ],
    };
  });
  expect(verdict).toMatchObject({ outcome: 'invalid' });
  expect(verdict?.found).toContain('round 2: half of the requests');
  expect(report.exitCode).toBe(3);
});

test('terminal, Markdown and HTML show the warning and the reason of an override', () => {
  const gates = { 'latency-p50': { maxNs: { warn: 50_000, fail: 55_000 } } };
  const general = { ...override, fail: 1_000_000 };
  const { variant: _, ...everywhere } = general;
  const { report } = reportOf(gates, [everywhere], { branch: 'topic' });
  expect(report.exitCode).toBe(0);
  for (const text of [
    renderConsole(report, { color: false, width: 200 }),
    renderMarkdown(report),
    renderHtml(report),
  ]) {
    expect(text).toContain('budget warning');
    expect(text).toContain('the pool is being rewritten');
    expect(text).toContain('warning beyond 50.0 µs');
  }
});
