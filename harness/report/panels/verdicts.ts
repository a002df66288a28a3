import type { Verdict } from '../../compare/verdict.ts';
import { formatValue } from '../../lib/units.ts';
import { isMetricId, metrics } from '../../scenario/metric.ts';
import { type Cell, cell, left, type RunPanel, type Table, table } from '../content.ts';
import {
  comparedWords,
  each,
  kindWords,
  outcomeWords,
  subjectLabel,
  type VerdictGroup,
  verdictGroups,
} from '../words.ts';

/** Every gated metric of the run, the worst first, with what to do about it. */
export const verdicts: RunPanel = {
  id: 'verdicts',
  title: 'Gated metrics',
  content(report) {
    const groups = verdictGroups(report);
    if (groups.length === 0) {
      return null;
    }
    const isGood = (group: VerdictGroup) => outcomeWords[group.outcome].tone === 'good';
    const bad = groups.filter((group) => !isGood(group));
    const good = groups.filter(isGood);
    const lead = `${capital(comparedWords(report))}. A pass is shown to be below its limit; “not significant” is never a pass.`;
    return {
      lead,
      charts: [],
      tables: [
        verdictTable('Not passed', bad, false),
        // Whatever needs attention comes first and alone.
        verdictTable('Passed', good, bad.length > 0),
      ].filter((t) => t.rows.length > 0),
    };
  },
};

function verdictTable(title: string, groups: VerdictGroup[], folded: boolean): Table {
  const columns = ['outcome', 'scenario', 'variant', 'metric', 'expected', 'found'].map(left);
  const count = groups.reduce((sum, group) => sum + group.members.length, 0);
  const options = { stack: true, folded };
  return table(`${title}: ${count}`, columns, groups.map(rowOf), options);
}

function rowOf({ scenario, outcome, found, advice, members }: VerdictGroup): Cell[] {
  const { label, mark, tone } = outcomeWords[outcome];
  const [first] = members;
  const alone = members.length === 1 && tone !== 'good' && first !== undefined;
  return [
    cell(`${mark} ${label}`, { tone }),
    cell(scenario.id),
    cell(each(members, (v) => v.variant)),
    cell(
      each(members, (v) => subjectLabel(v.subject)),
      { sub: each(members, kindWords) },
    ),
    cell(
      each(members, (v) => v.expected),
      { sub: advice === '' ? '' : `Do: ${advice}` },
    ),
    cell(found, { sub: alone ? valuesWords(first) : '' }),
  ];
}

/** "rounds: 61.2 µs, 60.9 µs": so that a verdict can be disputed where it stands. */
function valuesWords({ subject, values }: Verdict): string {
  if (values.length === 0) {
    return '';
  }
  const unit = isMetricId(subject) ? metrics[subject].unit : 'count';
  return `rounds: ${values.map((value) => formatValue(value, unit)).join(', ')}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
