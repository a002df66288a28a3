import type { HeatMap } from '../../analyze/heat-map.ts';
import { cellEnd } from '../../analyze/heat-map.ts';
import { formatInteger, formatNs } from '../../lib/units.ts';
import { cell, left, type Panel, right, type Table, table, variantCell } from '../content.ts';
import { variantNames } from '../words.ts';

const words = {
  loop: { title: 'Loop of the netpoller and wake-up', x: 'loop so far', format: formatNs },
  ready: { title: 'Descriptors found and wake-up', x: 'found by the poll', format: formatInteger },
} as const;

/** What long wake-ups come together with: ridges show here that single distributions hide. */
export const heatMaps: Panel = {
  id: 'heat-maps',
  title: 'What long wake-ups come with',
  content(scenario) {
    const maps = scenario.heatMaps ?? [];
    if (maps.length === 0) {
      return null;
    }
    const names = variantNames(scenario);
    return {
      lead: 'Each wake-up of a goroutine by the network, in the observed windows of all rounds: how long it waited from ready to running (up), and how long the netpoller’s loop had lasted by then, or how many descriptors its poll had found (right). Both axes are logarithmic; the darker, the more, on a log scale.',
      charts: [],
      heatMaps: maps.map((map) => ({
        id: `heat-${map.by}-${map.variant}`,
        title: `${words[map.by].title}: ${map.variant}`,
        subtitle: subtitleOf(map),
        xLabel: words[map.by].x,
        yLabel: 'wake-up: ready to running',
        cells: map.cells.map(({ x, wakeupNs, count }) => ({
          x: [x, cellEnd(x, map.subSteps)],
          y: [wakeupNs, cellEnd(wakeupNs, map.subSteps)],
          count,
          label: `${words[map.by].x} ${words[map.by].format(x)}, wake-up ${formatNs(wakeupNs)}: ${formatInteger(count)}`,
        })),
        formatX: words[map.by].format,
        formatY: formatNs,
      })),
      tables: [rowsTable(maps, names)],
    };
  },
};

function subtitleOf({ cells, left: without }: HeatMap): string {
  const sum = cells.reduce((total, { count }) => total + count, 0);
  const missing = without === 0 ? '' : `; ${formatInteger(without)} whose poll is not known`;
  return `${formatInteger(sum)} wake-ups${missing}`;
}

/** The fullest cells; all of them are in heat-maps.csv beside the report. */
function rowsTable(maps: readonly HeatMap[], names: readonly string[]): Table {
  const most = 40;
  const rows = maps
    .flatMap((map) => map.cells.map((each) => ({ map, ...each })))
    .sort((a, b) => b.count - a.count)
    .slice(0, most)
    .map(({ map, x, wakeupNs, count }) => [
      variantCell(map.variant, names),
      cell(words[map.by].x),
      cell(words[map.by].format(x)),
      cell(formatNs(wakeupNs)),
      cell(formatInteger(count)),
    ]);
  const columns = [
    left('variant'),
    left('by'),
    right('from'),
    right('wake-up from'),
    right('count'),
  ];
  return table(`The ${most} fullest cells; all are in heat-maps.csv`, columns, rows, {
    folded: true,
  });
}
