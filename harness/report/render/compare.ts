import type { RunDifference, RunsCompared } from '../../compare/compare-runs.ts';
import type { GateReport } from '../../gate/gate-report.ts';
import { formatRatio, formatValue, noValue } from '../../lib/units.ts';
import { metrics } from '../../scenario/metric.ts';
import { cell, left, right, type Table, table } from '../content.ts';
import { labelOf, ratioText } from '../gate/words.ts';
import { plural } from '../words.ts';
import { plainTable } from './console.ts';
import { visible } from './text.ts';

/** What is printed of a run beside its figures. */
export interface RunName {
  runId: string;
  revision: string;
  dirty: boolean;
}

/** Two suites' runs for a terminal: a table for each scenario, what may be concluded last. */
export function renderRunsCompared(a: RunName, b: RunName, compared: RunsCompared): string {
  const { differences, onlyA, onlyB } = compared;
  const byScenario = [...Map.groupBy(differences, ({ scenario }) => scenario)];
  const tables = byScenario.flatMap(([scenario, rows]) => [
    visible(scenario),
    ...plainTable(differenceTable(rows)),
    '',
  ]);
  const only = (name: string, list: readonly string[]) =>
    list.length === 0 ? [] : [`Only ${name} has: ${list.map(visible).join(', ')}.`];
  const shown = differences.filter(({ ratio }) => ratio !== null && ratio.lo !== null).length;
  return `${[
    `A  ${nameText(a)}`,
    `B  ${nameText(b)}`,
    '',
    ...tables,
    ...only('A', onlyA),
    ...only('B', onlyB),
    `Intervals are of 95 % over the rounds of both runs: of ${shown} ${plural(shown, 'ratio')} about one in twenty excludes 1 by chance.`,
    'They do not hold what differs between two runs of one program, such as neighbours and the places of pages in memory.',
    verdictWords,
  ].join('\n')}\n`;
}

const verdictWords =
  'Two separate runs are evidence for no pass: a verdict needs both programs side by side, npm run gate -- --base <revision>.';

function nameText({ runId, revision, dirty }: RunName): string {
  const changed = dirty ? ' with uncommitted changes' : '';
  return `${visible(runId)}, revision ${visible(revision.slice(0, 12)) || 'unknown'}${changed}`;
}

function differenceTable(rows: readonly RunDifference[]): Table {
  const columns = [
    left('variant'),
    left('metric'),
    right('A'),
    right('B'),
    right('B ÷ A'),
    left('concluded'),
  ];
  return table(
    '',
    columns,
    rows.map(({ variant, metric, a, b, ratio, finding, why }) => [
      cell(variant),
      cell(metrics[metric].label),
      cell(formatValue(a, metrics[metric].unit)),
      cell(formatValue(b, metrics[metric].unit)),
      cell(formatRatio(ratio)),
      cell(why === '' ? finding : `${finding} (${why})`),
    ]),
  );
}

/** The runs of two gates: the ratios that each found on its own, side by side. */
export function renderGatesCompared(a: GateReport, b: GateReport): string {
  const verdictsOf = (report: GateReport) =>
    new Map(
      report.units.flatMap(({ id, verdicts }) =>
        verdicts.map((verdict) => [JSON.stringify([id, verdict.metric]), { id, verdict }] as const),
      ),
    );
  const [ofA, ofB] = [verdictsOf(a), verdictsOf(b)];
  const rows = [...new Set([...ofA.keys(), ...ofB.keys()])].flatMap((key) => {
    const [own, other] = [ofA.get(key), ofB.get(key)];
    const any = own ?? other;
    if (any === undefined) {
      return [];
    }
    const side = (found: typeof any | undefined) =>
      found === undefined
        ? [cell(noValue), cell(noValue), cell('not run')]
        : [
            cell(ratioText(found.verdict.ratio)),
            cell(`${found.verdict.limitPercent} %`),
            cell(found.verdict.outcome, { sub: found.verdict.why }),
          ];
    return [[cell(`${any.id} ${labelOf(any.verdict)}`), ...side(own), ...side(other)]];
  });
  const sides = ['A', 'B'].flatMap((name) => [
    right(`${name}: head ÷ base`),
    right('limit'),
    left('outcome'),
  ]);
  return `${[
    ...[a, b].flatMap(({ runId, head, base, dirty, warnings }, index) => [
      `${index === 0 ? 'A' : 'B'}  ${visible(runId)}, head ${visible(head.slice(0, 12))}${dirty ? ' with uncommitted changes' : ''} against base ${visible(base.slice(0, 12))}`,
      ...warnings.map((warning) => `   ${visible(warning)}`),
    ]),
    '',
    ...plainTable(table('', [left('limit of'), ...sides], rows)),
    '',
    'Above 1 is worse. Each ratio is of two programs side by side in one run; the runs themselves were not held against each other.',
    'A verdict about another pair of revisions needs a run of its own: npm run gate -- --base <revision>.',
  ].join('\n')}\n`;
}
