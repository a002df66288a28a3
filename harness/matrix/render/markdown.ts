import type { Content } from '../../report/content.ts';
import { markdownTable } from '../../report/render/markdown.ts';
import { markdownCode, markdownFence, markdownText } from '../../report/render/markdown-text.ts';
import { visibleLines } from '../../report/render/text.ts';
import type { MatrixReport } from '../matrix-report.ts';
import { claimsPanel, fairnessPanel, loadPanel, pairsPanel, untestablePanel } from './panels.ts';
import { matrixOutcomeWords } from './words.ts';

/** For a job summary: the claims first, all figures folded away. */
export function renderMatrixMarkdown(report: MatrixReport): string {
  const { mark, label } = matrixOutcomeWords[report.outcome];
  const parts = report.parts.flatMap((part) => [
    `### ${markdownText(part.id)}: ${markdownText(part.title)}`,
    '',
    ...open(claimsPanel(part)),
    ...folded('Pairs', pairsPanel(part)),
    ...folded('QPS and p99 against load', loadPanel(part)),
    ...open(untestablePanel(part)),
    ...folded('Fairness', fairnessPanel(part)),
  ]);
  return `${[
    `## ${mark} ${markdownText(report.suite)}: ${label}`,
    '',
    `**${markdownText(report.headline)}**`,
    '',
    ...(report.failure === '' ? [] : [markdownFence(visibleLines(report.failure)), '']),
    ...report.warnings.map((warning) => `> ${markdownText(warning)}\n`),
    ...parts,
    `To repeat it: ${markdownCode(report.command)}`,
  ].join('\n')}\n`;
}

function open(content: Content | null): string[] {
  return content === null ? [] : [markdownText(content.lead), '', ...tables(content)];
}

function folded(title: string, content: Content | null): string[] {
  return content === null
    ? []
    : [
        `<details><summary>${markdownText(title)}</summary>`,
        '',
        markdownText(content.lead),
        '',
        ...tables(content),
        '</details>',
        '',
      ];
}

function tables({ tables: all }: Content): string[] {
  return all.map((table) => markdownTable(table, Number.POSITIVE_INFINITY));
}
