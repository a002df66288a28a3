import type { Cell, Content, Table } from '../content.ts';
import { longTable, wideTable } from '../panels/comparisons.ts';
import { closingPanels, leadingPanels, scenarioPanels } from '../panels/index.ts';
import type { Report, ScenarioReport } from '../report.ts';
import { comparedWords, outcomeWords, reservations, variantNames } from '../words.ts';
import { markdownCode, markdownFence, markdownText } from './markdown-text.ts';
import { visibleLines } from './text.ts';

/** GitHub drops a job summary of more than 1 MiB without a word; this stays clear of it. */
export const maxBytes = 1_000_000;

/** Left free for the line that says what was cut. */
const reserve = 2_000;

/** Longer listings that are folded away in the page are cut short here: a summary is for reading. */
const maxFoldedRows = 100;

/** A part of the summary that is kept or cut as a whole. */
interface Block {
  title: string;
  /** The text with at most so many rows per table. */
  text(maxRows: number): string;
}

/** The report as Markdown for a job summary: the verdict first, the evidence folded away. */
export function renderMarkdown(report: Report): string {
  const kept: string[] = [];
  const cut: string[] = [];
  let room = maxBytes - reserve;
  for (const block of blocksOf(report)) {
    const text = shrunk(block, room);
    if (text === null) {
      cut.push(block.title);
      continue;
    }
    kept.push(text);
    room -= bytesOf(text) + 1;
  }
  if (cut.length > 0) {
    kept.push(cutLine(cut));
  }
  return `${kept.join('\n')}`;
}

/** The most rows that fit; null where not even an empty table does. */
function shrunk(block: Block, room: number): string | null {
  for (const maxRows of [Number.POSITIVE_INFINITY, 1_000, 100, 10]) {
    const text = block.text(maxRows);
    if (bytesOf(text) < room) {
      return text;
    }
  }
  return null;
}

function cutLine(cut: string[]): string {
  const named = cut.slice(0, 10).map((title) => markdownText(title.slice(0, 80)));
  const more = cut.length > named.length ? ` and ${cut.length - named.length} more` : '';
  return `> Cut to stay below ${maxBytes.toLocaleString('en-US')} bytes: ${named.join(', ')}${more}. All of it is in \`report.html\`.\n`;
}

function blocksOf(report: Report): Block[] {
  return [
    { title: 'verdict', text: () => verdictText(report) },
    ...leadingPanels.flatMap((panel) => panelBlock(panel.title, panel.content(report), true)),
    ...report.scenarios.flatMap((scenario) => scenarioBlocks(scenario, report)),
    ...closingPanels.flatMap((panel) => panelBlock(panel.title, panel.content(report), false)),
  ];
}

function verdictText(report: Report): string {
  const { mark, label } = outcomeWords[report.outcome];
  const facts = [comparedWords(report), `exit code ${report.exitCode}`, ...reservations(report)];
  const lines = [
    `## ${mark} ${markdownText(report.suite)}: ${label}`,
    '',
    `**${markdownText(report.headline)}**`,
    '',
    facts.map(markdownText).join(' · '),
    '',
  ];
  const failure = report.failure === '' ? [] : [markdownFence(visibleLines(report.failure)), ''];
  return [...lines, ...failure].join('\n');
}

function scenarioBlocks(scenario: ScenarioReport, report: Report): Block[] {
  const names = variantNames(scenario);
  const table = names.length === 2 ? wideTable(scenario) : longTable(scenario);
  const head: Block = {
    title: scenario.id,
    text: (maxRows) =>
      [
        `### ${markdownText(scenario.id)}: ${markdownText(scenario.title)}`,
        '',
        `${markdownText(scenario.question)} ${markdownText(scenario.load)}; ${scenario.finished} of ${scenario.rounds} rounds.`,
        '',
        ...scenario.warnings.map((warning) => `> ${markdownText(warning)}\n`),
        table.rows.length > 0 ? markdownTable(table, maxRows) : noRoundText(scenario),
      ].join('\n'),
  };
  const rest = scenarioPanels
    .filter((panel) => panel.id !== 'comparisons')
    .flatMap((panel) =>
      panelBlock(`${scenario.id}: ${panel.title}`, panel.content(scenario, report), false),
    );
  return [head, ...rest];
}

function noRoundText({ finished }: ScenarioReport): string {
  return finished === 0
    ? 'No round was finished, so there is nothing to compare.\n'
    : 'Nothing was measured in the finished rounds.\n';
}

function panelBlock(title: string, content: Content | null, open: boolean): Block[] {
  if (content === null || content.tables.length === 0) {
    return [];
  }
  const body = (maxRows: number) =>
    [
      markdownText(content.lead),
      '',
      ...content.tables.map((table) => captioned(table, content.tables.length > 1, maxRows)),
    ].join('\n');
  const text = (maxRows: number) =>
    open
      ? `### ${markdownText(title)}\n\n${body(maxRows)}`
      : `<details><summary>${markdownText(title)}</summary>\n\n${body(maxRows)}\n</details>\n`;
  return [{ title, text }];
}

/** Folded tables stay folded; a caption is printed only where there is more than one table. */
function captioned(table: Table, several: boolean, maxRows: number): string {
  const text = markdownTable(table, maxRows);
  const caption = markdownText(table.caption);
  if (!several) {
    return text;
  }
  return table.folded
    ? `<details><summary>${caption}</summary>\n\n${text}\n</details>\n`
    : `**${caption}**\n\n${text}`;
}

/** A pipe table with its notes; rows beyond `maxRows` are counted, not printed. */
export function markdownTable(table: Table, maxRows: number): string {
  const limit = table.folded ? Math.min(maxRows, maxFoldedRows) : maxRows;
  const shown = table.rows.slice(0, limit);
  const left = table.rows.length - shown.length;
  return [
    pipeRow(table.columns.map((column) => markdownText(column.label))),
    pipeRow(table.columns.map((column) => (column.align === 'right' ? '---:' : ':---'))),
    ...shown.map((row) => pipeRow(row.map(markdownCell))),
    '',
    ...(left > 0 ? [`… and ${left} more rows, which are in \`report.html\`.`, ''] : []),
    ...table.notes.map((note) => `> ${markdownText(note)}\n`),
  ].join('\n');
}

function pipeRow(cells: string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function markdownCell({ text, sub = '', code = false, tone }: Cell): string {
  const main = code ? markdownCode(text) : markdownText(text);
  const strong = tone === 'bad' && main !== '' ? `**${main}**` : main;
  return sub === '' ? strong : `${strong}<br><sub>${markdownText(sub)}</sub>`;
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}
