import { formatBounds, formatInteger, formatNs, noValue } from '../../lib/units.ts';
import {
  type Chart,
  logAxis,
  nines,
  ninesAxis,
  type Point,
  quantileLabel,
  type Series,
  tidy,
} from '../chart.ts';
import { cell, left, type Panel, right, type Table, table } from '../content.ts';
import type { CurvePoint, ScenarioReport } from '../report.ts';
import { plural, variantNames } from '../words.ts';

type Curve = ScenarioReport['curves'][number];

/** Latency at every quantile, the tail stretched out: where the variants part company. */
export const latency: Panel = {
  id: 'latency',
  title: 'Latency by quantile',
  content(scenario) {
    const curves = scenario.curves.filter((curve) => curve.points.length > 0);
    if (curves.length === 0) {
      return null;
    }
    const lead =
      'All unobserved windows merged. Each further nine takes the same width, so the tail is not squeezed into the edge.';
    const chart = latencyChart(scenario, curves);
    return {
      lead,
      charts: chart === null ? [] : [chart],
      tables: [latencyTable(scenario, curves)],
    };
  },
};

function latencyChart(scenario: ScenarioReport, curves: Curve[]): Chart | null {
  const names = variantNames(scenario);
  const series = curves.map(
    (curve): Series => ({
      name: curve.variant,
      variant: Math.max(0, names.indexOf(curve.variant)),
      points: curve.points.filter(isDrawable).map(toPoint),
    }),
  );
  const drawn = curves.flatMap((curve) => curve.points.filter(isDrawable));
  if (drawn.length === 0) {
    return null;
  }
  const heights = drawn.flatMap((p) => [p.valueNs, p.loNs ?? p.valueNs, p.hiNs ?? p.valueNs]);
  return {
    id: 'latency',
    kind: 'line',
    title: 'From the intended send time to the last byte',
    subtitle: `${requestsWords(scenario, curves)}${scenario.finished} ${plural(scenario.finished, 'round')} merged`,
    x: ninesAxis(
      'quantile of requests',
      drawn.map((point) => point.quantile),
    ),
    y: logAxis('latency, log scale', heights, formatNs),
    series,
    size: 'large',
  };
}

/** "n = 100,000 and 100,000 requests, ". */
function requestsWords(scenario: ScenarioReport, curves: Curve[]): string {
  const counts = curves.map(({ variant }) =>
    scenario.measurements.find((m) => m.variant === variant && m.metric === 'latency-p50'),
  );
  const known = counts.filter((m) => m !== undefined);
  return known.length === curves.length
    ? `n = ${known.map((m) => formatInteger(m.samples)).join(' and ')} requests, `
    : '';
}

/** The maximum has no place on a scale of nines and zero none on a log scale. */
function isDrawable(point: CurvePoint): boolean {
  return point.quantile < 1 && point.valueNs > 0;
}

function toPoint({ quantile, valueNs, loNs, hiNs }: CurvePoint): Point {
  const bounds = loNs === null || hiNs === null ? '' : ` [${formatNs(loNs)}, ${formatNs(hiNs)}]`;
  const point: Point = {
    x: nines(quantile),
    y: tidy(Math.log10(valueNs)),
    label: `${quantileLabel(quantile)} ${formatNs(valueNs)}${bounds}`,
  };
  return loNs !== null && hiNs !== null && loNs > 0 && hiNs > 0
    ? { ...point, lo: tidy(Math.log10(loNs)), hi: tidy(Math.log10(hiNs)) }
    : point;
}

function latencyTable(scenario: ScenarioReport, curves: Curve[]): Table {
  const quantiles = [...new Set(curves.flatMap((c) => c.points.map((p) => p.quantile)))].sort(
    (a, b) => a - b,
  );
  const rows = quantiles.map((quantile) => [
    cell(quantileLabel(quantile)),
    ...curves.map((curve) => valueCell(curve.points.find((p) => p.quantile === quantile))),
  ]);
  const columns = [left('quantile'), ...curves.map((curve) => right(curve.variant))];
  const caption = `${scenario.id}: latency by quantile`;
  return table(caption, columns, rows, { folded: true });
}

function valueCell(point: CurvePoint | undefined) {
  if (point === undefined) {
    return cell(noValue, { tone: 'muted' });
  }
  const { valueNs, loNs, hiNs } = point;
  return cell(formatNs(valueNs), {
    sub: formatBounds({ center: valueNs, lo: loNs, hi: hiNs }, 'ns'),
  });
}
