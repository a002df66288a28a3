import type { Measurement } from '../../analyze/measurement.ts';
import { formatInteger, formatInterval, formatValue } from '../../lib/units.ts';
import { type MetricId, metrics } from '../../scenario/metric.ts';
import { type Chart, type Series, tidy, valueAxis, valueToAxis } from '../chart.ts';
import { cell, left, type Panel, right, type Table, table, variantCell } from '../content.ts';
import type { ScenarioReport } from '../report.ts';
import { variantNames } from '../words.ts';
import { measuredMetrics } from './comparisons.ts';

/** One value per round, variant and metric: drift, outliers and bimodal rounds show here. */
export const rounds: Panel = {
  id: 'rounds',
  title: 'Values of every round',
  content(scenario) {
    const measured = measuredMetrics(scenario);
    if (scenario.measurements.length === 0) {
      return null;
    }
    return {
      lead: 'One mark per round and variant; the line is the centre over rounds, the band its interval.',
      charts: measured.flatMap((metric) => roundsChart(scenario, metric) ?? []),
      tables: [roundsTable(scenario)],
    };
  },
};

/** Null where there are no two rounds to look at side by side. */
function roundsChart(scenario: ScenarioReport, metric: MetricId): Chart | null {
  const measurements = scenario.measurements.filter((m) => m.metric === metric);
  const count = Math.max(...measurements.map((m) => m.values.length), 0);
  const values = measurements.flatMap((m) => m.values.filter((v) => v !== null));
  if (count < 2 || values.length === 0) {
    return null;
  }
  const { label, unit, better } = metrics[metric];
  const bounds = measurements.flatMap(({ summary: s }) =>
    s === null ? [] : [s.lo ?? s.center, s.center, s.hi ?? s.center],
  );
  const shown = [...values, ...bounds];
  const toAxis = valueToAxis(shown);
  return {
    id: `rounds-${metric}`,
    kind: 'dots',
    title: label,
    subtitle: `${better} is better, n = ${count} rounds`,
    x: roundAxis(count),
    y: valueAxis('value', shown, (value) => formatValue(value, unit)),
    series: measurements.map((m) => roundSeries(m, variantNames(scenario), toAxis)),
    size: 'small',
  };
}

function roundAxis(count: number): Chart['x'] {
  const ticks = Array.from({ length: count }, (_, index) => ({
    at: index + 1,
    label: String(index + 1),
    rank: index === 0 || index === count - 1 ? (0 as const) : (1 as const),
  }));
  return { label: 'round', min: 0.5, max: count + 0.5, ticks };
}

function roundSeries(
  { values, summary, variant, metric }: Measurement,
  names: string[],
  toAxis: (value: number) => number,
): Series {
  const index = Math.max(0, names.indexOf(variant));
  // Side by side within the round, so that equal values of two variants stay visible.
  const shift = (0.5 * (index - (names.length - 1) / 2)) / names.length;
  const { unit } = metrics[metric];
  const points = values.flatMap((value, round) =>
    value === null
      ? []
      : [
          {
            x: tidy(round + 1 + shift),
            y: tidy(toAxis(value)),
            label: `round ${round + 1}: ${formatValue(value, unit)}`,
          },
        ],
  );
  const series: Series = { name: variant, variant: index, points };
  if (summary === null) {
    return series;
  }
  const level = { y: tidy(toAxis(summary.center)) };
  const { lo, hi } = summary;
  return lo === null || hi === null
    ? { ...series, level }
    : { ...series, level: { ...level, lo: tidy(toAxis(lo)), hi: tidy(toAxis(hi)) } };
}

function roundsTable(scenario: ScenarioReport): Table {
  const names = variantNames(scenario);
  const count = Math.max(...scenario.measurements.map((m) => m.values.length), 0);
  const columns = [
    left('metric'),
    left('variant'),
    ...Array.from({ length: count }, (_, index) => right(`round ${index + 1}`)),
    right('centre [interval]'),
    right('samples'),
    left('source'),
  ];
  const rows = measuredMetrics(scenario).flatMap((metric) =>
    scenario.measurements
      .filter((m) => m.metric === metric)
      .map((m) => {
        const { label, unit } = metrics[metric];
        return [
          cell(label),
          variantCell(m.variant, names),
          ...Array.from({ length: count }, (_, i) => cell(formatValue(m.values[i] ?? null, unit))),
          cell(formatInterval(m.summary, unit)),
          cell(formatInteger(m.samples)),
          cell(m.source, { tone: 'muted' }),
        ];
      }),
  );
  return table(`${scenario.id}: values of every round`, columns, rows, { folded: true });
}
