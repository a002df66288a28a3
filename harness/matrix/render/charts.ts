import type { Interval } from '../../analyze/measurement.ts';
import { formatInteger, formatNs, formatRate } from '../../lib/units.ts';
import { type Chart, logAxis, type Point, type Series, tidy } from '../../report/chart.ts';
import { variantStyles } from '../../report/render/html-parts.ts';
import type { MatrixCell, MatrixPart, ServerCell } from '../matrix-report.ts';

/** A band wider than this factor would flatten the lines; the table has its bounds. */
const uselesslyWide = 100;

/** Two charts for each group: p99 and QPS against the load, a line for each server. */
export function loadCharts(part: MatrixPart): Chart[] {
  const groups = Map.groupBy(part.cells, ({ group }) => group);
  return [...groups.values()].flatMap((cells) => [
    ...chart(part, cells, {
      ...{ id: 'p99', title: 'p99 against load', axis: 'p99, log scale', format: formatNs },
      of: ({ p99Ns }) => p99Ns,
    }),
    ...chart(part, cells, {
      ...{ id: 'qps', title: 'QPS against load', axis: 'QPS, log scale', format: formatRate },
      of: ({ qps }) => qps,
    }),
  ]);
}

interface Picture {
  id: string;
  title: string;
  axis: string;
  format: (value: number) => string;
  of: (server: ServerCell) => Interval | null;
}

/** No two servers look alike: those that are named first are drawn. Saturation stands right of the loads, at what 100 % of the slowest server is. */
function chart(part: MatrixPart, cells: readonly MatrixCell[], picture: Picture): Chart[] {
  const [first] = cells;
  const loads = [...cells].sort((a, b) => (a.percent ?? 100) - (b.percent ?? 100));
  const all = part.servers.filter(({ name }) => name !== part.control);
  const shown = all.slice(0, variantStyles.length);
  const series = shown.flatMap(({ name, label }, variant): Series[] => {
    const points = loads.flatMap((each) => pointOf(each, name, picture));
    return points.length === 0 ? [] : [{ name: label, variant, points }];
  });
  const heights = series.flatMap(({ points }) =>
    points.flatMap(({ y, lo, hi }) => [y, lo ?? y, hi ?? y]),
  );
  if (first === undefined || heights.length === 0) {
    return [];
  }
  const ticks = loads.map(({ percent }) => ({
    at: percent ?? 100,
    label: percent === null ? 'saturation' : `${percent} %`,
    rank: 0 as const,
  }));
  return [
    {
      id: `${first.group.replaceAll('/', '-')}-${picture.id}`,
      kind: 'line',
      title: picture.title,
      subtitle: `${first.condition}, ${formatInteger(first.connections)} connections; ${first.rounds} rounds, 95 % intervals${all.length > shown.length ? '; more servers in the table' : ''}`,
      x: { label: 'load, of the smallest capacity', min: (ticks[0]?.at ?? 0) - 5, max: 105, ticks },
      y: logAxis(
        picture.axis,
        heights.map((height) => 10 ** height),
        picture.format,
      ),
      series,
      size: 'small',
    },
  ];
}

function pointOf(each: MatrixCell, name: string, { of, format }: Picture): Point[] {
  const server = each.servers.find((candidate) => candidate.server === name);
  const value = server === undefined ? null : of(server);
  if (value === null || value.center <= 0) {
    return [];
  }
  const log = (number: number) => tidy(Math.log10(number));
  const { center, lo, hi } = value;
  return [
    {
      x: each.percent ?? 100,
      y: log(center),
      ...(lo === null || hi === null || lo <= 0 || hi > uselesslyWide * lo
        ? {}
        : { lo: log(lo), hi: log(hi) }),
      label: `${each.percent === null ? 'saturation' : `${each.percent} %`}: ${format(center)}`,
    },
  ];
}
