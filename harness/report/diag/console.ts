import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import { visible } from '../render/text.ts';

/** The ranked causes for a terminal, the headline last, where the eye is. */
export function renderDiagnosisText(report: Diagnosis): string {
  const shown = report.findings.filter(
    ({ state }) => state === 'confirmed' || state === 'suspected',
  );
  const others = (state: 'unknown' | 'ruled-out') =>
    report.findings.filter((finding) => finding.state === state).map(({ cause }) => cause);
  const lines = [
    ...shown.flatMap(({ cause, state, consequenceOf, summary, evidence, remedy }, index) => [
      `${index + 1}. ${cause}: ${state}${consequenceOf === undefined ? '' : `, a consequence of ${consequenceOf}`}`,
      `   ${summary}`,
      ...evidence.map(({ view, source, says }) => `   ${view.padEnd(8)} ${source}: ${says}`),
      `   to do    ${remedy}`,
      '',
    ]),
    ...(others('ruled-out').length > 0 ? [`ruled out: ${others('ruled-out').join(', ')}`] : []),
    ...(others('unknown').length > 0 ? [`unknown: ${others('unknown').join(', ')}`] : []),
    ...report.missing.map((text) => `not taken: ${text}`),
    '',
    report.headline,
  ];
  return `${lines.map(visible).join('\n')}\n`;
}
