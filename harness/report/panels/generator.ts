import { reasonTexts } from '../../analyze/generator.ts';
import { formatInteger, formatNs, formatShare } from '../../lib/units.ts';
import {
  type Cell,
  cell,
  left,
  type Panel,
  right,
  type Table,
  table,
  variantCell,
} from '../content.ts';
import type { GeneratorReport, PairedReport, ScenarioReport } from '../report.ts';
import { type Tone, variantNames } from '../words.ts';

type Reasons = GeneratorReport['reasons'];

const tones: Record<GeneratorReport['absolute'], Tone> = {
  valid: 'good',
  suspect: 'warn',
  invalid: 'bad',
};

/** Whether the load was what it was meant to be: without that no latency can be quoted. */
export const generator: Panel = {
  id: 'generator',
  title: 'Was the load valid?',
  content(scenario) {
    if (scenario.generator.length === 0) {
      return null;
    }
    const rows = scenario.generator.length;
    const doubtful = scenario.generator.filter(({ absolute }) => absolute !== 'valid').length;
    const unpaired = scenario.paired.filter(({ grade }) => grade === 'invalid').length;
    const lead = [
      doubtful === 0
        ? `All ${rows} windows are valid by the generator’s own judgement: what was scheduled was sent on time, answered, and read on time.`
        : `${doubtful} of ${rows} windows are not valid by the generator’s own judgement; their reasons stand in the table, with who was at fault.`,
      unpaired === 0
        ? ''
        : `In ${unpaired} of ${scenario.paired.length} rounds a disturbance fell upon the variants unequally, so that their ratio says less.`,
    ];
    const tables = [armTable(scenario, doubtful === 0), ...pairedTables(scenario, unpaired === 0)];
    return { lead: lead.join(' ').trim(), charts: [], tables };
  },
};

function armTable(scenario: ScenarioReport, folded: boolean): Table {
  const columns = [
    right('round'),
    left('variant'),
    left('absolute'),
    left('at fault'),
    right('scheduled'),
    right('completed'),
    right('errors'),
    right('unsent'),
    right('send lag p50'),
    right('send lag p99'),
    right('receive lag p50'),
    right('receive lag p99'),
    right('generator busy'),
    left('scheduling'),
  ];
  const names = variantNames(scenario);
  const rows = scenario.generator.map((row) => rowOf(row, names));
  return table(`${scenario.id}: the generator, by round`, columns, rows, { folded });
}

function rowOf(row: GeneratorReport, names: string[]): Cell[] {
  return [
    cell(String(row.round)),
    variantCell(row.variant, names),
    gradeCell(row.absolute, row.reasons),
    cell(atFault(row.reasons)),
    cell(formatInteger(row.scheduled)),
    cell(formatInteger(row.completed), { sub: formatShare(row.achievedRatio, 1) }),
    countCell(row.errors),
    countCell(row.unsent),
    cell(formatNs(row.sendLagP50Ns)),
    cell(formatNs(row.sendLagP99Ns)),
    cell(formatNs(row.receiveLagP50Ns)),
    cell(formatNs(row.receiveLagP99Ns)),
    cell(formatShare(row.busyRatio, 1)),
    cell(row.scheduling, { tone: 'muted' }),
  ];
}

/** None where there is one variant, which makes no pair. */
function pairedTables(scenario: ScenarioReport, folded: boolean): Table[] {
  const graded = scenario.paired.filter(({ grade }) => grade !== null);
  if (graded.length === 0) {
    return [];
  }
  const columns = [right('round'), left('paired'), left('at fault')];
  return [table(`${scenario.id}: paired, by round`, columns, graded.map(pairedRow), { folded })];
}

function pairedRow({ round, grade, reasons }: PairedReport): Cell[] {
  return [cell(String(round)), gradeCell(grade ?? 'valid', reasons), cell(atFault(reasons))];
}

/** A grade with its reasons below it. */
export function gradeCell(grade: GeneratorReport['absolute'], reasons: Reasons): Cell {
  const sub = reasonTexts({ reasons });
  return cell(grade, { tone: tones[grade], ...(sub === '' ? {} : { sub }) });
}

function atFault(reasons: Reasons): string {
  return [...new Set(reasons.map(({ cause }) => cause))].join(', ') || '–';
}

function countCell(count: number): Cell {
  return count > 0 ? cell(formatInteger(count), { tone: 'warn' }) : cell('0');
}

/** What the generator holds against its own figures, each rule once with its first window. */
export function loadDoubts(scenario: ScenarioReport): string[] {
  const windows = scenario.generator.map(({ round, variant, reasons }) => ({
    where: `round ${round}, ${variant}`,
    reasons,
  }));
  const rounds = scenario.paired.map(({ round, reasons }) => ({
    where: `round ${round}`,
    reasons,
  }));
  return [
    ...doubts(windows, (grade) => [grade, 'windows']),
    ...doubts(rounds, () => ['paired: invalid', 'rounds']),
  ];
}

function doubts(
  judged: readonly { where: string; reasons: Reasons }[],
  words: (grade: Reasons[number]['grade']) => [grade: string, noun: string],
): string[] {
  const hits = judged.flatMap(({ where, reasons }) =>
    reasons.map((reason) => ({ ...reason, where })),
  );
  const same = Map.groupBy(hits, ({ grade, rule, cause }) => `${grade}/${rule}/${cause}`);
  return [...same.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) {
      return [];
    }
    const [grade, noun] = words(first.grade);
    const count = new Set(group.map(({ where }) => where)).size;
    return `${grade} by ${first.cause} in ${count} of ${judged.length} ${noun}: ${first.text} (${first.where})`;
  });
}
