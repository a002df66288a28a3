import { stripVTControlCharacters, styleText } from 'node:util';
import type { Finding } from '../../diagnose/finding.ts';
import { formatDuration } from '../../lib/units.ts';
import type { Table } from '../content.ts';
import { longTable, wideTable } from '../panels/comparisons.ts';
import { findingTones } from '../panels/findings.ts';
import { loadDoubts } from '../panels/generator.ts';
import type { Report, ScenarioReport } from '../report.ts';
import {
  comparedWords,
  each,
  kindWords,
  outcomeWords,
  reservations,
  subjectLabel,
  type Tone,
  type VerdictGroup,
  variantNames,
  verdictGroups,
} from '../words.ts';
import { visible, visibleLines } from './text.ts';

export interface ConsoleOptions {
  color: boolean;
  /** Columns of the terminal. */
  width: number;
}

type Style = Tone | 'strong';
type Paint = (style: Style, text: string) => string;

/** Lines after the first stand under its text unless that would leave them too little room. */
const maxHang = 24;

const colors = { good: 'cyan', bad: 'red', warn: 'yellow', muted: 'dim', strong: 'bold' } as const;

/** The report for a terminal or a log: tables first, the verdict last, where the eye is. */
export function renderConsole(report: Report, options: ConsoleOptions): string {
  const printer = new Printer(options);
  for (const scenario of report.scenarios) {
    printScenario(printer, scenario);
  }
  printGates(printer, report);
  printLost(printer, report);
  printVerdict(printer, report);
  return printer.text();
}

/** Collects lines, wrapping at the width and keeping foreign text from being taken for commands. */
class Printer {
  readonly width: number;
  readonly paint: Paint;
  readonly #lines: string[] = [];

  constructor({ color, width }: ConsoleOptions) {
    this.width = Math.max(40, width);
    this.paint = color
      ? (style, text) => styleText(colors[style], text, { validateStream: false })
      : (_, text) => text;
  }

  line(text = ''): void {
    this.#lines.push(text.trimEnd());
  }

  /** A paragraph whose lines stand under each other: `lead` before the first, blanks before the rest. */
  wrapped(lead: string, text: string, style?: Style): void {
    const start = stripVTControlCharacters(lead).length;
    const hang = ' '.repeat(start <= maxHang ? start : 6);
    const lines = wrap(visible(text), {
      first: this.width - start,
      rest: this.width - hang.length,
    });
    lines.forEach((part, index) => {
      this.line(
        (index === 0 ? lead : hang) + (style === undefined ? part : this.paint(style, part)),
      );
    });
  }

  text(): string {
    return `${this.#lines.map(harmless).join('\n')}\n`;
  }
}

/** GitHub's runner takes `::name::` at the start of a line, and `##[name]` anywhere, for commands. */
function harmless(line: string): string {
  return line.replace(/^(\s*):(?=:)/, '$1: ').replaceAll('##[', '## [');
}

/** Words on lines of at most so many columns; a longer word gets a line of its own. */
function wrap(text: string, width: { first: number; rest: number }): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const room = lines.length === 0 ? width.first : width.rest;
    if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > room) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function columnsOf(text: string): number {
  return [...text].length;
}

function printScenario(printer: Printer, scenario: ScenarioReport): void {
  const { paint } = printer;
  printer.wrapped(`${paint('strong', visible(scenario.id))}  `, scenario.question);
  printer.wrapped(
    '  ',
    `${scenario.load}; ${scenario.finished} of ${scenario.rounds} rounds`,
    'muted',
  );
  printer.line();
  printTable(printer, scenario);
  for (const warning of scenario.warnings) {
    printer.wrapped(`  ${paint('warn', '!')} `, warning);
  }
  for (const doubt of loadDoubts(scenario)) {
    printer.wrapped(`  ${paint('warn', '!')} `, doubt);
  }
  if (scenario.findings.length > 0) {
    printer.line();
  }
  for (const finding of scenario.findings) {
    printFinding(printer, finding);
  }
  printer.line();
}

function printTable(printer: Printer, scenario: ScenarioReport): void {
  const tables =
    variantNames(scenario).length === 2
      ? [wideTable(scenario), longTable(scenario)]
      : [longTable(scenario)];
  const layouts = tables.map((table) => layout(table, printer.paint));
  const lines = layouts.find((l) => l.width <= printer.width)?.lines ?? layouts.at(-1)?.lines ?? [];
  const [table] = tables;
  if (table === undefined || table.rows.length === 0) {
    const why = scenario.finished === 0 ? 'no round was finished' : 'nothing was measured';
    printer.line(`  nothing to compare: ${why}`);
    return;
  }
  for (const line of lines) {
    printer.line(line);
  }
  for (const note of table.notes) {
    printer.wrapped(`  ${printer.paint('warn', '!')} `, note);
  }
}

/** A table as aligned lines without colours. */
export function plainTable(table: Table): string[] {
  return layout(table, (_, text) => text).lines.map((line) => harmless(line.trimEnd()));
}

/** A table as aligned lines, two blanks before and between columns. */
function layout(table: Table, paint: Paint): { width: number; lines: string[] } {
  const head = table.columns.map((column) => visible(column.label));
  const body = table.rows.map((row) => row.map(({ text }) => visible(text)));
  const widths = head.map((label, i) =>
    Math.max(columnsOf(label), ...body.map((row) => columnsOf(row[i] ?? ''))),
  );
  // Blanks stay outside the colour, so that those at the end of a line can be dropped.
  const padded = (text: string, index: number, painted = text) => {
    const blanks = ' '.repeat(Math.max(0, (widths[index] ?? 0) - columnsOf(text)));
    return table.columns[index]?.align === 'right' ? blanks + painted : painted + blanks;
  };
  const headLine = head.map((label, i) => padded(label, i)).join('  ');
  const lines = [
    `  ${paint('muted', headLine.trimEnd())}`,
    ...table.rows.map((row, r) => {
      const cells = row.map(({ tone }, i) => {
        const text = body[r]?.[i] ?? '';
        return padded(text, i, tone === undefined ? text : paint(tone, text));
      });
      return `  ${cells.join('  ')}`;
    }),
  ];
  return { width: widths.reduce((sum, width) => sum + width + 2, 0), lines };
}

function printFinding(printer: Printer, finding: Finding): void {
  const { paint } = printer;
  const { cause, variant, state, summary, evidence, remedy } = finding;
  const name = paint(findingTones[state], `${visible(cause)} ${state}`);
  printer.wrapped(`  ${name} in ${visible(variant)}: `, summary);
  if (state === 'ruled-out') {
    return;
  }
  for (const { view, source, says } of evidence) {
    printer.wrapped(`    ${paint('muted', view.padEnd(8))}`, `${says} (${source})`);
  }
  if (remedy !== '') {
    printer.wrapped(`    ${paint('muted', 'do'.padEnd(8))}`, remedy);
  }
}

function printGates(printer: Printer, report: Report): void {
  const groups = verdictGroups(report);
  if (groups.length === 0) {
    return;
  }
  printer.line(printer.paint('strong', 'Gated metrics'));
  for (const group of groups) {
    printGate(printer, group);
  }
  printer.line();
}

function printGate(
  printer: Printer,
  { scenario, outcome, found, advice, members }: VerdictGroup,
): void {
  const { paint } = printer;
  const { mark, label, tone } = outcomeWords[outcome];
  const variants = each(members, (v) => v.variant);
  const subjects = each(members, (v) => subjectLabel(v.subject));
  const name = [scenario.id, variants, subjects].map(visible).join(' · ');
  if (tone === 'good') {
    printer.wrapped(`  ${paint(tone, `${mark} ${label}`)}  `, `${name}: ${found}`);
    return;
  }
  const kinds = each(members, kindWords);
  printer.wrapped(`  ${paint(tone, `${mark} ${label}`)}  `, `${name} (${kinds})`);
  printer.wrapped(
    `      ${paint('muted', 'expected')}  `,
    each(members, (v) => v.expected),
  );
  printer.wrapped(`      ${paint('muted', 'found   ')}  `, found);
  if (advice !== '') {
    printer.wrapped(`      ${paint('muted', 'do      ')}  `, advice);
  }
}

function printLost(printer: Printer, report: Report): void {
  if (report.lost.length === 0) {
    return;
  }
  const { paint } = printer;
  printer.line(paint('strong', 'Lost captures'));
  for (const { capability, what, reason, remedy } of report.lost) {
    printer.wrapped(`  ${paint('warn', visible(capability))}: `, `${what}: ${reason}`);
    // A command stays on one line, so that it can be copied.
    printer.line(`      ${paint('muted', 'do')}  ${visible(remedy)}`);
  }
  printer.line();
}

function printVerdict(printer: Printer, report: Report): void {
  const { paint } = printer;
  const { mark, label, tone } = outcomeWords[report.outcome];
  const name = `${mark} ${visible(report.suite)}: ${label}`;
  printer.line(paint('strong', paint(tone, name)));
  printer.wrapped('  ', report.headline);
  for (const line of report.failure === '' ? [] : visibleLines(report.failure)) {
    printer.wrapped('  ', line, 'bad');
  }
  const facts = [
    comparedWords(report),
    ...reservations(report),
    `exit code ${report.exitCode}`,
    `took ${formatDuration(report.durationNs)}`,
  ];
  printer.wrapped('  ', facts.join(' · '), 'muted');
}
