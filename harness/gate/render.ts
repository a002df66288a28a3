import { formatValue, noValue, type Unit } from '../lib/units.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';
import type { WorseRatio } from './decide.ts';
import { roundMs } from './design.ts';
import type { GateReport, GateUnitReport, GateVerdict } from './gate-report.ts';

/** The report for a terminal: a line for each limit, the verdict last, where the eye is. */
export function renderGateText(report: GateReport): string {
  const lines = report.units.flatMap((unit) => [
    `${unit.id}: ${unit.load}; ${unit.rounds} rounds`,
    ...unit.verdicts.flatMap((verdict) => [
      `  ${verdict.outcome.padEnd(12)} ${labelOf(verdict).padEnd(22)} ${changeText(verdict)}`,
      ...(verdict.why === '' ? [] : [`  ${''.padEnd(12)} ${verdict.why}${neededText(verdict)}`]),
    ]),
    '',
  ]);
  const base = `Base ${report.base.slice(0, 12)}${againstText(report)}.`;
  return `${[...lines, base, ...report.warnings, report.headline].join('\n')}\n`;
}

/** For a pull request: the verdict first, a row for each limit. */
export function renderGateMarkdown(report: GateReport): string {
  const rows = report.units.flatMap((unit) => unit.verdicts.map((verdict) => row(unit, verdict)));
  return `${[
    `## ${report.headline}`,
    '',
    `Base \`${report.base.slice(0, 12)}\`${againstText(report)}, head \`${report.head.slice(0, 12)}\`${report.dirty ? ' with uncommitted changes' : ''}; compared ${report.compared} of ${report.limits} limits.`,
    ...report.warnings.map((warning) => `\n> ${warning}`),
    '',
    '| | limit | base → head | head ÷ base, above 1 is worse | base ÷ base | from | rounds | |',
    '| :--- | ---: | ---: | ---: | ---: | :--- | ---: | :--- |',
    ...rows,
    '',
    `To repeat it: \`${report.command}\``,
  ].join('\n')}\n`;
}

function row(unit: GateUnitReport, verdict: GateVerdict): string {
  const { outcome, why } = verdict;
  const cells = [
    `${unit.id}, ${labelOf(verdict)}`,
    `${verdict.limitPercent} %`,
    valuesText(verdict),
    ratioText(verdict.ratio),
    ratioText(verdict.control),
    verdict.basis,
    String(verdict.afterRounds),
    `${outcome === 'regressed' ? '**regressed**' : outcome}${why === '' ? '' : `: ${why}${neededText(verdict)}`}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function againstText({ against }: GateReport): string {
  return against === undefined ? '' : ` (${against})`;
}

function changeText(verdict: GateVerdict): string {
  const { limitPercent, basis, afterRounds, control } = verdict;
  return `${ratioText(verdict.ratio)} (${valuesText(verdict)}), limit ${limitPercent} %, ${basis}, ${afterRounds} rounds; two builds of the base ${ratioText(control)}`;
}

export function labelOf({ metric }: GateVerdict): string {
  return isMetricId(metric) ? metrics[metric].label : metric;
}

export function valuesText({ metric, values }: GateVerdict): string {
  const unit: Unit = isMetricId(metric) ? metrics[metric].unit : 'count';
  const base = values?.['base'];
  const head = values?.['head'];
  return base === undefined || head === undefined
    ? noValue
    : `${formatValue(base, unit)} → ${formatValue(head, unit)}`;
}

/** With four digits: limits are of a few percent, and three would hide a third of one. */
export function ratioText(ratio: WorseRatio | null): string {
  if (ratio === null) {
    return noValue;
  }
  const digits = (value: number) => value.toFixed(value < 10 ? 3 : 1);
  return `×${digits(ratio.center)} [${digits(ratio.lo)}, ${digits(ratio.hi)}]`;
}

export function neededText({ neededRounds }: GateVerdict): string {
  return neededRounds === null
    ? ''
    : `; about ${neededRounds} rounds (${Math.ceil((neededRounds * roundMs) / 1000)} s of load) would decide it`;
}
