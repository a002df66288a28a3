import { logTicks } from '../chart.ts';
import type { HeatMapPicture } from '../content.ts';
import { html } from './html-text.ts';

const width = 520;
const height = 300;
const margin = { left: 78, right: 8, top: 6, bottom: 28 };

/** A heat map as an SVG that needs no script: one rectangle a cell, what it says as its title. */
export function heatMapHtml(map: HeatMapPicture, prefix: string): string {
  const id = html(`${prefix}-${map.id}`);
  const x = scaleOf(
    map.cells.map((cell) => cell.x),
    margin.left,
    width - margin.right,
  );
  const y = scaleOf(
    map.cells.map((cell) => cell.y),
    height - margin.bottom,
    margin.top,
  );
  const most = Math.max(...map.cells.map(({ count }) => count));
  const cells = map.cells.map((cell) => {
    const [left, right] = cell.x.map(x.place) as [number, number];
    const [bottom, top] = cell.y.map(y.place) as [number, number];
    const shade = 0.12 + 0.88 * (most === 1 ? 1 : Math.log(cell.count) / Math.log(most));
    return `<rect x="${round(left)}" y="${round(top)}" width="${round(right - left)}" height="${round(bottom - top)}" fill-opacity="${round(shade)}"><title>${html(cell.label)}</title></rect>`;
  });
  const ticksX = x
    .ticks(map.formatX)
    .map(
      ({ at, label, anchor }) =>
        `<text x="${round(at)}" y="${height - 8}" text-anchor="${anchor}">${html(label)}</text>`,
    );
  const ticksY = y
    .ticks(map.formatY)
    .map(
      ({ at, label }) =>
        `<text x="${margin.left - 6}" y="${round(at + 4)}" text-anchor="end">${html(label)}</text>`,
    );
  return `<figure class="chart small heat">
<figcaption id="${id}-caption"><b>${html(map.title)}</b> <span>${html(map.subtitle)}</span></figcaption>
<p class="axis">↑ ${html(map.yLabel)}</p>
<svg class="heat-map" role="img" aria-labelledby="${id}-caption" viewBox="0 0 ${width} ${height}">${cells.join('')}${ticksX.join('')}${ticksY.join('')}</svg>
<p class="axis x">${html(map.xLabel)} →</p>
</figure>`;
}

interface TickMark {
  at: number;
  label: string;
  anchor: 'start' | 'middle' | 'end';
}

/** A log scale over the cells; zero, which has no logarithm, lies one octave before the least. */
function scaleOf(ranges: readonly (readonly [number, number])[], from: number, to: number) {
  const least = Math.min(...ranges.flat().filter((value) => value > 0));
  const log = (value: number) => Math.log10(value > 0 ? value : least / 2);
  const [min, max] = [
    Math.min(...ranges.map(([low]) => log(low))),
    Math.max(...ranges.map(([, high]) => log(high))),
  ];
  const span = max > min ? max - min : 1;
  const place = (value: number) => from + ((log(value) - min) / span) * (to - from);
  return {
    place,
    ticks: (format: (value: number) => string): TickMark[] =>
      logTicks(min, max, format)
        .filter(({ rank }) => rank === 0)
        .map(({ at, label }) => {
          const position = from + ((at - min) / span) * (to - from);
          const share = (at - min) / span;
          const anchor = share < 0.06 ? 'start' : share > 0.94 ? 'end' : 'middle';
          return { at: position, label, anchor };
        }),
  };
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
