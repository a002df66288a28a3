import { visible } from '../../report/render/text.ts';
import type { MatrixReport } from '../matrix-report.ts';
import { matrixOutcomeWords, seenWords, verdictWords } from './words.ts';

/** The claims with their verdicts; the run's outcome last, where the eye is. */
export function renderMatrixText(report: MatrixReport): string {
  const lines = report.parts.flatMap(({ id, claims, untestable, fairness }) => [
    `${id}`,
    ...claims.flatMap((claim) => {
      const { label, mark } = verdictWords[claim.verdict];
      const seen = claim.seen === null ? '' : ` ${seenWords(claim)}`;
      return [
        `  ${mark} ${label}: ${claim.says}`,
        `      ${claim.cell}${claim.marked ? ' †' : ''}:${seen}; ${claim.why}`,
        ...(claim.reason === '' ? [] : [`      ${claim.reason}`]),
      ];
    }),
    ...untestable.map(
      ({ what, reason, remedy }) => `  – ${what}: ${reason}; to mend it: ${remedy}`,
    ),
    ...fairness.flatMap(({ group, server, contradictions }) =>
      contradictions.map((text) => `  ! ${group}, ${server}: ${text}`),
    ),
    '',
  ]);
  const { mark, label } = matrixOutcomeWords[report.outcome];
  return `${[
    ...lines,
    ...report.warnings.map((text) => `  ! ${text}`),
    ...(report.failure === '' ? [] : report.failure.split('\n').map((text) => `  ! ${text}`)),
    `${mark} ${report.suite}: ${label}. ${report.headline} Exit code ${report.exitCode}.`,
  ]
    .map(visible)
    .join('\n')}\n`;
}
