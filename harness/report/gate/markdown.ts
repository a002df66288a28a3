import type { GateReport, GateUnitReport, GateVerdict } from '../../gate/gate-report.ts';
import { markdownCode, markdownText } from '../render/markdown-text.ts';
import { whyLead, whyLines } from './why.ts';
import { baseText, labelOf, limitText, ratioText, valuesText, whyText } from './words.ts';

/** For a pull request: the verdict first, a row for each limit. */
export function renderGateMarkdown(report: GateReport): string {
  const rows = report.units.flatMap((unit) => unit.verdicts.map((verdict) => row(unit, verdict)));
  const dirty = report.dirty ? ' with uncommitted changes' : '';
  return `${[
    `## ${markdownText(report.headline)}`,
    '',
    `Base ${markdownText(baseText(report))}, head ${markdownCode(report.head.slice(0, 12))}${dirty}; compared ${report.compared} of ${report.limits} limits.`,
    ...report.warnings.map((warning) => `\n> ${markdownText(warning)}`),
    '',
    '| | limit | base → head | head ÷ base, above 1 is worse | base ÷ base | from | rounds | |',
    '| :--- | ---: | ---: | ---: | ---: | :--- | ---: | :--- |',
    ...rows,
    '',
    ...report.units.flatMap(reasons),
    `To repeat it: ${markdownCode(report.command)}`,
  ].join('\n')}\n`;
}

/** Of a red: what is different. */
function reasons(unit: GateUnitReport): string[] {
  const lines = whyLines(unit);
  return lines.length === 0
    ? []
    : [
        `### Why ${markdownText(unit.id)} is red`,
        '',
        ...(unit.difference === undefined ? [] : [whyLead(unit.difference), '']),
        ...lines.map((line) => `- ${markdownText(line)}`),
        '',
      ];
}

function row(unit: GateUnitReport, verdict: GateVerdict): string {
  const { outcome, why } = verdict;
  const cells = [
    `${unit.id}, ${labelOf(verdict)}`,
    limitText(verdict),
    valuesText(verdict),
    ratioText(verdict.ratio),
    ratioText(verdict.control),
    verdict.basis,
    String(verdict.afterRounds),
  ].map(markdownText);
  const reason = why === '' ? '' : `: ${markdownText(whyText(verdict))}`;
  const last = `${outcome === 'regressed' ? '**regressed**' : outcome}${reason}`;
  return `| ${[...cells, last].join(' | ')} |`;
}
