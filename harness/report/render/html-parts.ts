import { formatRatio } from '../../lib/units.ts';
import type { Chart, Series } from '../chart.ts';
import type { Cell, Content, Ratio, Table } from '../content.ts';
import { flamesHtml } from './flame.ts';
import { heatMapHtml } from './heat-map.ts';
import { html } from './html-text.ts';

/** Marker shapes as SVG paths about the origin and line dashes, by variant; colours are in page.css. */
export const variantStyles: readonly { marker: string; dash: number[] }[] = [
  { marker: 'M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z', dash: [] },
  { marker: 'M-3.5 -3.5H3.5V3.5H-3.5Z', dash: [8, 3] },
  { marker: 'M0 -4.5L4.5 3.5H-4.5Z', dash: [2, 3] },
  { marker: 'M0 -5L5 0L0 5L-5 0Z', dash: [10, 3, 2, 3] },
  { marker: 'M0 4.5L4.5 -3.5H-4.5Z', dash: [5, 2] },
  { marker: 'M-1.5 -5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5V-1.5H-1.5Z', dash: [14, 4] },
];

/** The drawings that `swatch` refers to; once in the page. */
export function swatchSymbols(): string {
  const symbols = variantStyles.map(
    ({ marker, dash }, slot) =>
      `<symbol id="swatch-${slot}" viewBox="-14 -7 28 14"><path class="swatch-line" d="M-14 0H14" stroke-dasharray="${dash.join(' ')}"/><path class="swatch-marker" d="${marker}"/></symbol>`,
  );
  return `<svg class="symbols" width="0" height="0" aria-hidden="true">${symbols.join('')}</svg>`;
}

/** A line with the marker of a variant, as it stands in the charts. */
function swatch(variant: number): string {
  const slot = variant % variantStyles.length;
  return `<svg class="swatch v${slot}" aria-hidden="true"><use href="#swatch-${slot}"/></svg>`;
}

/** A panel's inside: how to read it, legend, charts, tables. */
export function contentHtml(content: Content, prefix: string): string {
  const { lead, charts, heatMaps = [], flames = [], tables } = content;
  return [
    `<p class="lead">${html(lead)}</p>`,
    charts.length > 0 ? chartsHtml(charts, prefix) : '',
    heatMaps.length > 0
      ? `<div class="grid">\n${heatMaps.map((map) => heatMapHtml(map, prefix)).join('\n')}\n</div>`
      : '',
    flames.length > 0 ? flamesHtml(flames, prefix) : '',
    ...tables.map(tableHtml),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function chartsHtml(charts: Chart[], prefix: string): string {
  return `<div class="charts">
${legendHtml(charts)}
<noscript><p class="note">The charts need JavaScript; the tables below have the same values.</p></noscript>
<div class="grid">
${charts.map((chart) => figureHtml(chart, prefix)).join('\n')}
</div>
</div>`;
}

function legendHtml(charts: Chart[]): string {
  const byVariant = new Map<number, Series>();
  for (const series of charts.flatMap((chart) => chart.series)) {
    byVariant.set(series.variant, byVariant.get(series.variant) ?? series);
  }
  const items = [...byVariant].sort(([a], [b]) => a - b);
  const keys = items.map(
    ([variant, { name }]) => `<li data-variant="${variant}">${swatch(variant)}${html(name)}</li>`,
  );
  const all = charts.flatMap((chart) => chart.series);
  const words = [
    all.some((s) => s.level !== undefined) ? 'line and band: centre of the rounds, interval' : '',
    all.some((s) => s.points.some((p) => p.lo !== undefined)) ? 'band: interval over rounds' : '',
    all.some((s) => s.mark !== undefined) ? 'upright line with the marker: p99' : '',
  ].filter((word) => word !== '');
  return `<ul class="legend">${keys.join('')}${words.map((word) => `<li class="word">${html(word)}</li>`).join('')}</ul>`;
}

function figureHtml(chart: Chart, prefix: string): string {
  const id = html(`${prefix}-${chart.id}`);
  const names = chart.series.map((series) => series.name).join(', ');
  const label = `${chart.title}, ${chart.subtitle}: ${names}. Arrow keys read out the values, which are also in the table below.`;
  return `<figure class="chart ${chart.size}" data-chart="${id}">
<figcaption><b>${html(chart.title)}</b> <span>${html(chart.subtitle)}</span></figcaption>
<p class="axis">↑ ${html(chart.y.label)}</p>
<div class="plot" tabindex="0" role="img" aria-label="${html(label)}"></div>
<p class="axis x">${html(chart.x.label)} →</p>
<p class="readout" aria-live="polite"></p>
</figure>`;
}

function tableHtml(table: Table): string {
  const { caption, columns, rows, notes, stack, folded } = table;
  const span = ratioSpan(rows);
  const looks = columnClasses(table);
  const headless = columns.every((column) => column.label === '');
  const head = headless
    ? ''
    : `<thead><tr>${columns.map((c) => `<th scope="col"${c.align === 'right' ? ' class="num"' : ''}>${html(c.label)}</th>`).join('')}</tr></thead>`;
  const body = rows.map((row) => rowHtml(row, table, { span, looks })).join('\n');
  const scale = span === null ? [] : [whiskerNote(span)];
  const below = [...notes, ...scale].map((note) => `<p class="note">${html(note)}</p>`).join('\n');
  const element = `<div class="scroll" role="region" aria-label="${html(caption)}" tabindex="0"><table${stack ? ' class="stack"' : ''}><caption>${html(caption)}</caption>
${head}<tbody>
${body}
</tbody></table></div>
${below}`;
  return folded ? `<details><summary>${html(caption)}</summary>\n${element}\n</details>` : element;
}

/** What the cells of a table have in common: the whiskers' scale and a class per column. */
interface Look {
  span: number | null;
  looks: string[];
}

/** A class per column: figures to the right, short words never broken. */
function columnClasses({ columns, rows }: Table): string[] {
  return columns.map(({ align }, index) => {
    if (align === 'right') {
      return ' class="num"';
    }
    return rows.every((row) => (row[index]?.text.length ?? 0) <= 22) ? ' class="short"' : '';
  });
}

function rowHtml(row: Cell[], table: Table, { span, looks }: Look): string {
  const cells = row.map((cell, index) => {
    const name = table.columns[index]?.label ?? '';
    const look = looks[index] ?? '';
    // Only rows that become cards need to carry the names of their columns.
    const label = table.stack && name !== '' ? ` data-label="${html(name)}"` : '';
    const inner = cellHtml(cell, span);
    return index === 0
      ? `<th scope="row"${look}>${inner}</th>`
      : `<td${look}${label}>${inner}</td>`;
  });
  return `<tr>${cells.join('')}</tr>`;
}

function cellHtml(cell: Cell, span: number | null): string {
  const { text, sub = '', tone, code = false, variant, ratio } = cell;
  const inner = code ? `<code>${html(text)}</code>` : html(text);
  const toned = tone === undefined ? inner : `<span class="${tone}">${inner}</span>`;
  const main = [
    variant === undefined ? '' : swatch(variant),
    toned,
    sub === '' ? '' : `<small>${html(sub)}</small>`,
  ].join('');
  return ratio === undefined || span === null
    ? main
    : `<div class="ratio">${whisker(ratio, span, tone)}<div>${main}</div></div>`;
}

/** Half the width of the whiskers' log scale; what lies beyond is drawn as an arrow at its end. */
function ratioSpan(rows: Cell[][]): number | null {
  const logs = rows
    .flat()
    .flatMap(({ ratio: r }) =>
      r === undefined ? [] : [r.center, r.lo ?? r.center, r.hi ?? r.center],
    )
    .filter((value) => value > 0 && Number.isFinite(value))
    .map((value) => Math.abs(Math.log(value)));
  return logs.length === 0 ? null : Math.min(Math.max(...logs, Math.log(1.05)), Math.log(4));
}

function whiskerNote(span: number): string {
  const ends = [Math.exp(-span), Math.exp(span)].map((end) =>
    formatRatio({ center: end, lo: null, hi: null }),
  );
  return `Whiskers: the interval on a log scale from ${ends.join(' to ')}, the upright line is ×1, an arrow lies beyond the scale.`;
}

/** The interval of a ratio as a picture; the figures stand beside it. */
function whisker(ratio: Ratio, span: number, tone = ''): string {
  const log = (value: number) => (value > 0 ? Math.log(value) : -2 * span);
  const place = (value: number) =>
    (80 + 74 * Math.max(-1, Math.min(1, log(value) / span))).toFixed(1);
  const { center, lo, hi } = ratio;
  const interval =
    lo === null || hi === null
      ? ''
      : `<path class="range" d="M${place(lo)} 4V12M${place(hi)} 4V12M${place(lo)} 8H${place(hi)}"/>`;
  const beyond = Math.abs(log(center)) > span * 1.001;
  const mark = beyond
    ? `<path class="beyond" d="${center > 1 ? 'M150 3L159 8L150 13Z' : 'M10 3L1 8L10 13Z'}"/>`
    : `${interval}<circle cx="${place(center)}" cy="8" r="2.5"/>`;
  return `<svg class="whisker ${tone}" viewBox="0 0 160 16" width="160" height="16" aria-hidden="true"><path class="one" d="M80 0V16"/>${mark}</svg>`;
}
