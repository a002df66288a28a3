import type { Measurement } from '../../analyze/measurement.ts';
import type { Comparison } from '../../compare/comparison.ts';
import { formatBounds, formatRatio, formatValue, noValue } from '../../lib/units.ts';
import { type MetricId, metricIds, metrics } from '../../scenario/metric.ts';
import {
  type Cell,
  cell,
  left,
  type Panel,
  right,
  type Table,
  table,
  variantCell,
} from '../content.ts';
import type { ScenarioReport } from '../report.ts';
import { type Tone, variantNames } from '../words.ts';

/** The variants against the reference: a finding with its interval, never an exit code. */
export const comparisons: Panel = {
  id: 'comparisons',
  title: 'Variants compared',
  content(scenario) {
    const names = variantNames(scenario);
    if (measuredMetrics(scenario).length === 0) {
      return null;
    }
    const lead =
      names.length > 1
        ? 'Paired round by round; the ratio is variant ÷ reference with its interval over rounds. This is a finding: it never decides the exit code.'
        : 'One value per round; the interval is over rounds.';
    const tables = [names.length === 2 ? wideTable(scenario) : longTable(scenario)];
    return { lead, charts: [], tables: [...tables, metricWords(scenario)] };
  },
};

/** One row per metric, one column per variant, and one ratio: for two variants. */
export function wideTable(scenario: ScenarioReport): Table {
  const names = variantNames(scenario);
  const [reference = '', other = ''] = names;
  const columns = [
    left('metric'),
    ...names.map(right),
    right(`${other} ÷ ${reference}`),
    left('reading'),
  ];
  const rows = measuredMetrics(scenario).map((metric) => [
    cell(metrics[metric].label),
    ...names.map((name) => valueCell(findMeasurement(scenario, metric, name), metric)),
    ...ratioCells(findComparison(scenario, metric, other)),
  ]);
  return table(captionOf(scenario), columns, rows, { notes: warningsOf(scenario), stack: true });
}

/** One row per metric and variant: for any number of variants, and for narrow terminals. */
export function longTable(scenario: ScenarioReport): Table {
  const names = variantNames(scenario);
  const compared = names.length > 1;
  const ratioColumns = compared ? [right(`÷ ${scenario.reference}`), left('reading')] : [];
  const columns = [left('metric'), left('variant'), right('value'), ...ratioColumns];
  const rows = measuredMetrics(scenario).flatMap((metric) =>
    names.map((name, index) => [
      cell(index === 0 ? metrics[metric].label : ''),
      variantCell(name, names),
      valueCell(findMeasurement(scenario, metric, name), metric),
      ...(compared ? longRatioCells(scenario, metric, name) : []),
    ]),
  );
  return table(captionOf(scenario), columns, rows, { notes: warningsOf(scenario), stack: true });
}

function longRatioCells(scenario: ScenarioReport, metric: MetricId, name: string): Cell[] {
  return name === scenario.reference
    ? [cell('reference', { tone: 'muted' }), cell('')]
    : ratioCells(findComparison(scenario, metric, name));
}

function captionOf(scenario: ScenarioReport): string {
  const rounds = `${scenario.finished} of ${scenario.rounds} rounds`;
  const confidence = scenario.comparisons.find((c) => c.ratio !== null)?.ratio?.confidence;
  const level = confidence === undefined ? '' : `, ${Math.round(confidence * 100)} % intervals`;
  return `${scenario.id}: ${rounds}${level}`;
}

function valueCell(measurement: Measurement | undefined, metric: MetricId): Cell {
  const summary = measurement?.summary ?? null;
  if (summary === null) {
    return cell(noValue, { tone: 'muted' });
  }
  const { unit } = metrics[metric];
  const sub = `${formatBounds(summary, unit)} n=${summary.n}`.trim();
  return cell(formatValue(summary.center, unit), { sub });
}

const readingTones: Record<Comparison['direction'], Tone> = {
  better: 'good',
  worse: 'bad',
  equal: 'muted',
  undecided: 'muted',
};

function ratioCells(comparison: Comparison | undefined): Cell[] {
  if (comparison === undefined || comparison.ratio === null) {
    return [cell(noValue, { tone: 'muted' }), cell('')];
  }
  const { ratio, direction } = comparison;
  const tone = readingTones[direction];
  return [cell(formatRatio(ratio), { ratio, tone }), cell(direction, { tone })];
}

/** Metrics that any variant has a measurement or comparison of, in the order of metric.ts. */
export function measuredMetrics(scenario: ScenarioReport): MetricId[] {
  const seen = new Set<MetricId>(
    [...scenario.measurements, ...scenario.comparisons].map((part) => part.metric),
  );
  return metricIds.filter((id) => seen.has(id));
}

function findMeasurement(
  scenario: ScenarioReport,
  metric: MetricId,
  variant: string,
): Measurement | undefined {
  return scenario.measurements.find((m) => m.metric === metric && m.variant === variant);
}

function findComparison(
  scenario: ScenarioReport,
  metric: MetricId,
  variant: string,
): Comparison | undefined {
  return scenario.comparisons.find((c) => c.metric === metric && c.variant === variant);
}

/** Each warning once, with the metrics and variants it is about. */
function warningsOf(scenario: ScenarioReport): string[] {
  const about = new Map<string, Map<string, Set<string>>>();
  for (const { metric, variant, warnings } of [...scenario.comparisons, ...scenario.measurements]) {
    for (const text of warnings) {
      const byVariant = about.get(text) ?? new Map<string, Set<string>>();
      about.set(text, byVariant);
      byVariant.set(variant, (byVariant.get(variant) ?? new Set()).add(metrics[metric].label));
    }
  }
  return [...about].flatMap(([text, byVariant]) => {
    const byMetrics = Map.groupBy(byVariant, ([, labels]) => [...labels].sort().join(', '));
    return [...byMetrics].map(([labels, entries]) => {
      const variants = entries.map(([variant]) => variant).join(', ');
      return `${text} (${variants}: ${labels})`;
    });
  });
}

function metricWords(scenario: ScenarioReport): Table {
  const rows = measuredMetrics(scenario).map((id) => {
    const { label, description, better, window } = metrics[id];
    return [cell(label), cell(`${better} is better`), cell(window), cell(description)];
  });
  const columns = [left('metric'), left('direction'), left('window'), left('what it says')];
  return table('What each metric says', columns, rows, { folded: true, stack: true });
}
