import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import { formatDuration } from '../../lib/units.ts';
import { markdownCode, markdownText } from '../render/markdown-text.ts';
import { stateWords } from './panels.ts';

/** For an issue or a job's summary: the causes that some view shows, with their evidence. */
export function renderDiagnosisMarkdown(report: Diagnosis): string {
  const shown = report.findings.filter(
    ({ state }) => state === 'confirmed' || state === 'suspected',
  );
  const others = (state: 'unknown' | 'ruled-out') =>
    report.findings.filter((finding) => finding.state === state).map(({ cause }) => cause);
  const lines = [
    `## ${markdownText(report.headline)}`,
    '',
    `${markdownCode(report.target.commandLine.trim())}, pid ${report.target.pid}, ${formatDuration(report.windowNs)} from ${report.startedAt}.`,
    ...shown.flatMap(({ cause, state, consequenceOf, summary, evidence, remedy }) => [
      '',
      `### ${markdownText(cause)}`,
      '',
      `${markdownText(stateWords[state])}${consequenceOf === undefined ? '' : `, a consequence of ${consequenceOf}`}. ${markdownText(summary)}.`,
      '',
      ...evidence.map(
        ({ view, source, says }) => `- ${view}, ${markdownText(source)}: ${markdownText(says)}`,
      ),
      `- what to do: ${markdownText(remedy)}`,
    ]),
    '',
    `Ruled out: ${others('ruled-out').join(', ') || 'none'}. Unknown: ${others('unknown').join(', ') || 'none'}.`,
    ...report.missing.map((text) => `\n> not taken: ${markdownText(text)}`),
    '',
    `To repeat it: ${markdownCode(report.command)}`,
  ];
  return `${lines.join('\n')}\n`;
}
