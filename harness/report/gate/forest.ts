import type { GateReport, GateVerdict } from '../../gate/gate-report.ts';
import { type Axis, logAxis, tidy } from '../chart.ts';
import { html } from '../render/html-text.ts';
import { outcomeWords } from '../words.ts';
import { type LimitVerdict, labelOf, limitText, limitVerdicts, ratioText } from './words.ts';

/** Ratios beyond this, either way, are drawn as an arrow at the edge. */
const widest = 4;

/**
 * Every limit of a run on one log axis: the interval of head ÷ base, the limit, and beneath in grey
 * that of control ÷ base. Widths are shares of the page, so that it fits any; shapes tell apart what
 * colours do.
 */
export function forestHtml(report: GateReport): string {
  const limits = limitVerdicts(report);
  if (!limits.some(({ verdict }) => verdict.ratio !== null)) {
    return '';
  }
  const axis = axisOf(limits.map(({ verdict }) => verdict));
  const rows = limits.map((limit, index) => rowHtml(limit, axis, index)).join('\n');
  return `<section id="forest"><h3>Head against base</h3>
<p class="lead">Ratios on a log axis, further right is worse. Disc and thick line: head ÷ base with its 95 % interval. Diamond and thin grey line: two builds of the base, the same code. Dashed upright line with a flag: the limit. A pass lies before its limit, a regression beyond it; as the looks are stricter than 95 %, an interval on one side may still be undecided. An arrow: it goes on beyond the axis.</p>
<div class="forest">
${rows}
<div class="forest-row"><p></p>${axisSvg(axis)}</div>
</div></section>`;
}

function axisOf(verdicts: readonly GateVerdict[]): Axis {
  const shown = verdicts.flatMap(({ ratio, control, limitPercent }) => [
    1 + limitPercent / 100,
    ...[ratio, control].flatMap((interval) =>
      interval === null ? [] : [interval.lo, interval.hi],
    ),
  ]);
  const clipped = shown.map((value) => Math.min(widest, Math.max(1 / widest, value)));
  return logAxis('ratio', [1, ...clipped], (value) => `×${Number(value.toPrecision(4))}`);
}

function rowHtml({ unit, verdict }: LimitVerdict, axis: Axis, index: number): string {
  const { label, mark, tone } = outcomeWords[verdict.outcome];
  const { ratio, control, limitPercent, why } = verdict;
  const figures =
    ratio === null
      ? `no interval: ${why}`
      : [
          `${ratioText(ratio)}, limit ${limitText(verdict)}`,
          ...(verdict.basis === 'mixed' ? [why] : []),
        ].join('; ');
  const title = `${unit.id}, ${labelOf(verdict)}: ${label}`;
  const description = `head ÷ base ${ratioText(ratio)}, limit ×${tidy(1 + limitPercent / 100)}, control ÷ base ${ratioText(control)}`;
  return `<div class="forest-row"><p><b>${html(labelOf(verdict))}</b> <span class="${tone}">${mark} ${html(label)}</span> <small>${html(unit.id)}</small><small>${html(figures)}</small></p>
<svg class="forest-plot ${tone}" role="img" aria-labelledby="forest-${index}-title forest-${index}-description" width="100%" height="44"><title id="forest-${index}-title">${html(title)}</title><desc id="forest-${index}-description">${html(description)}</desc>${gridSvg(axis)}${limitSvg(limitPercent, axis)}${intervalSvg(ratio, axis, { y: 16, look: 'head' })}${intervalSvg(control, axis, { y: 33, look: 'control' })}</svg></div>`;
}

function gridSvg(axis: Axis): string {
  const lines = axis.ticks.map(({ at }) => upright(share(at, axis), 'forest-grid', 44));
  return `${lines.join('')}${upright(place(1, axis), 'forest-one', 44)}`;
}

function limitSvg(limitPercent: number, axis: Axis): string {
  const at = place(1 + limitPercent / 100, axis);
  return `${upright(at, 'forest-limit', 44)}<svg class="forest-flag" x="${at}" y="0"><path d="M0 0L7 3L0 6Z"/></svg>`;
}

function intervalSvg(
  interval: GateVerdict['ratio'],
  axis: Axis,
  { y, look }: { y: number; look: 'head' | 'control' },
): string {
  if (interval === null) {
    return '';
  }
  const { center, lo, hi } = interval;
  const arrows = [
    lo < 10 ** axis.min
      ? `<svg class="forest-arrow" x="0%" y="${y}"><path d="M0 0L8 -4V4Z"/></svg>`
      : '',
    hi > 10 ** axis.max
      ? `<svg class="forest-arrow" x="100%" y="${y}"><path d="M0 0L-8 -4V4Z"/></svg>`
      : '',
  ].join('');
  const mark = look === 'head' ? 'M5 0A5 5 0 1 1 -5 0A5 5 0 1 1 5 0Z' : 'M-4 0L0 -4L4 0L0 4Z';
  return `<g class="forest-${look}"><line x1="${place(lo, axis)}" x2="${place(hi, axis)}" y1="${y}" y2="${y}"/>${arrows}<svg x="${place(center, axis)}" y="${y}"><path d="${mark}"/></svg></g>`;
}

function axisSvg(axis: Axis): string {
  const labels = axis.ticks
    .filter(({ rank }) => rank < 2)
    .map(({ at, label }) => {
      const position = share(at, axis);
      const number = Number.parseFloat(position);
      const anchor = number < 6 ? 'start' : number > 94 ? 'end' : 'middle';
      return `<text x="${position}" y="12" text-anchor="${anchor}">${html(label)}</text>`;
    });
  return `<svg class="forest-axis" aria-hidden="true" width="100%" height="18">${labels.join('')}</svg>`;
}

function upright(x: string, look: string, height: number): string {
  return `<line class="${look}" x1="${x}" x2="${x}" y1="0" y2="${height}"/>`;
}

/** Where a ratio stands, as a share of the width; at the edge where it lies beyond. */
function place(ratio: number, axis: Axis): string {
  const at = ratio > 0 ? Math.log10(ratio) : axis.min;
  return share(Math.min(axis.max, Math.max(axis.min, at)), axis);
}

function share(at: number, { min, max }: Axis): string {
  return `${((100 * (at - min)) / (max - min)).toFixed(2)}%`;
}
