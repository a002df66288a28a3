import type { GateReport, GateVerdict } from '../../gate/gate-report.ts';
import { visible } from '../render/text.ts';
import { whyLines } from './why.ts';
import { baseText, labelOf, limitText, ratioText, valuesText, whyText } from './words.ts';

/** The report for a terminal: a line for each limit, the verdict last, where the eye is. */
export function renderGateText(report: GateReport): string {
  const lines = report.units.flatMap((unit) => [
    `${unit.id}: ${unit.load}; ${unit.rounds} rounds`,
    ...unit.verdicts.flatMap((verdict) => [
      `  ${verdict.outcome.padEnd(12)} ${labelOf(verdict).padEnd(22)} ${changeText(verdict)}`,
      ...(verdict.why === '' ? [] : [`  ${''.padEnd(12)} ${whyText(verdict)}`]),
    ]),
    ...whyLines(unit).map((line) => `  ${'why?'.padEnd(12)} ${line}`),
    '',
  ]);
  const all = [...lines, `Base ${baseText(report)}.`, ...report.warnings, report.headline];
  return `${all.map(visible).join('\n')}\n`;
}

function changeText(verdict: GateVerdict): string {
  const { basis, afterRounds, control } = verdict;
  return `${ratioText(verdict.ratio)} (${valuesText(verdict)}), limit ${limitText(verdict)}, ${basis}, ${afterRounds} rounds; two builds of the base ${ratioText(control)}`;
}
