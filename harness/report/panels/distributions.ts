import { formatCount, formatInteger, formatNs, formatShare, formatValue } from '../../lib/units.ts';
import {
  type Axis,
  type Chart,
  linearAxis,
  logTicks,
  type Point,
  percentLabel,
  type Series,
  tidy,
} from '../chart.ts';
import { cell, left, type Panel, right, type Table, table, variantCell } from '../content.ts';
import type { ProbeDistribution, ScenarioReport } from '../report.ts';
import { variantNames } from '../words.ts';

/** What eBPF saw of wake-ups, polls, reads and writes in the observed windows. */
export const distributions: Panel = {
  id: 'distributions',
  title: 'Wake-ups and system calls',
  content(scenario) {
    const seen = scenario.distributions.filter((d) => d.count > 0);
    if (scenario.distributions.length === 0) {
      return null;
    }
    const names = [...new Set(seen.map((d) => d.name))].filter((name) => charted.has(name));
    return {
      lead: 'Counted in the kernel by eBPF, observed windows of all rounds together. Equal areas are equal shares of the events; the upright line is p99.',
      charts: names.map((name) => distributionChart(scenario, name)),
      tables: [summaryTable(scenario), rowsTable(scenario)],
    };
  },
};

/** Drawn; all others stand in the table alone. */
const charted = new Set([
  ...['wakeupNs', 'wakeupWaitPNs', 'wakeupWaitCpuNs', 'netpollLoopNs', 'netpollBlockedNs'],
  ...['netpollPollNs', 'netpollReadyEvents', 'readNs', 'writeNs'],
  ...['requestReadableToReadyNs', 'requestReadyToRunNs', 'requestRunToWriteNs'],
]);

const titles: Record<string, string> = {
  wakeupNs: 'Wake-up: ready to running',
  wakeupWaitPNs: 'Of it: waiting for a P',
  wakeupWaitCpuNs: 'Of it: thread waiting for a CPU',
  goroutineWakeupNs: 'Wake-up by another goroutine',
  goroutineBirthNs: 'Goroutine: born to running',
  netpollLoopNs: 'Loop of the netpoller',
  requestReadableToReadyNs: 'Request: readable to ready',
  requestReadyToRunNs: 'Request: ready to running',
  requestRunToWriteNs: 'Request: running to written',
  requestReadableToWriteNs: 'Request: readable to written',
  requestReadableToReadNs: 'Request read without parking: readable to read',
  requestReadToWriteNs: 'Request read without parking: read to written',
  tcpAcceptQueueNs: 'Connection: waiting for accept',
  tcpConnectNs: 'Connection: connecting',
  tcpAcceptToCloseNs: 'Connection: accepted to closed',
  tcpLifeNs: 'Connection: life',
  tcpReceivedBytes: 'Connection: received',
  tcpSentBytes: 'Connection: sent',
  tcpRequestsPerConnection: 'Requests per connection',
  blockIoNs: 'Block device request',
  netpollBlockedNs: 'Poll that may block',
  netpollPollNs: 'Poll without waiting',
  netpollReadyEvents: 'Ready events per poll',
  readNs: 'Read system calls',
  writeNs: 'Write system calls',
};

function titleOf(name: string): string {
  return titles[name] ?? name;
}

function distributionChart(scenario: ScenarioReport, name: string): Chart {
  const found = scenario.distributions.filter((d) => d.name === name && d.count > 0);
  const unit = found[0]?.unit ?? 'count';
  const names = variantNames(scenario);
  const series = found.map((d): Series => toSeries(d, Math.max(0, names.indexOf(d.variant))));
  const total = found.map((d) => formatInteger(d.count)).join(' and ');
  return {
    id: `distribution-${name}`,
    kind: 'steps',
    title: titleOf(name),
    subtitle: `n = ${total}`,
    x: valueLogAxis(found, unit),
    y: linearAxis(
      'share of events per doubling',
      series.flatMap((s) => s.points.map((p) => p.y)),
      percentLabel,
    ),
    series,
    size: 'small',
  };
}

/** Zero has no logarithm: the row [0, 1) is drawn as [½, 1). */
function edge(value: number): number {
  return Math.log10(Math.max(value, 0.5));
}

function valueLogAxis(found: ProbeDistribution[], unit: ProbeDistribution['unit']): Axis {
  const edges = found.flatMap((d) =>
    d.rows.flatMap(([from = 0, to = 0]) => [edge(from), edge(to)]),
  );
  const min = tidy(Math.min(...edges, Number.MAX_VALUE));
  const max = tidy(Math.max(...edges, min + 0.3));
  const label = unit === 'ns' ? 'time, log scale' : 'events, log scale';
  const zero = min < 0 ? [{ at: tidy(Math.log10(0.7)), label: '0', rank: 0 as const }] : [];
  return { label, min, max, ticks: [...zero, ...logTicks(Math.max(min, 0), max, formatOf(unit))] };
}

function formatOf(unit: ProbeDistribution['unit']): (value: number) => string {
  return unit === 'ns' ? formatNs : (value) => formatCount(value).replace(/\.0+\b/, '');
}

function toSeries(distribution: ProbeDistribution, variant: number): Series {
  const { count, rows, unit, p99 } = distribution;
  const points = rows.map(([from = 0, to = 0, events = 0]): Point => {
    const width = edge(to) - edge(from);
    const share = (100 * events) / count;
    return {
      x: tidy(edge(from)),
      to: tidy(edge(to)),
      // Per doubling, because rows are not equally wide on a log axis.
      y: width > 0 ? tidy((share * Math.log10(2)) / width) : 0,
      label: `${rangeLabel(from, to, unit)}: ${formatShare(events, count)} (${formatInteger(events)})`,
    };
  });
  const mark = { x: tidy(edge(p99)), label: `p99 ${formatValue(p99, unit)}` };
  return { name: distribution.variant, variant, points, mark };
}

function rangeLabel(from: number, to: number, unit: ProbeDistribution['unit']): string {
  if (unit === 'count') {
    return to - from <= 1 ? formatInteger(from) : `${formatInteger(from)}–${formatInteger(to - 1)}`;
  }
  return `${formatNs(from)}–${formatNs(to)}`;
}

/** Variants of one distribution next to each other. */
function byName({ distributions: all }: ScenarioReport): ProbeDistribution[] {
  const names = [...new Set(all.map((d) => d.name))];
  return names.flatMap((name) => all.filter((d) => d.name === name));
}

function summaryTable(scenario: ScenarioReport): Table {
  const names = variantNames(scenario);
  const columns = [
    left('what'),
    left('variant'),
    right('n'),
    right('mean'),
    right('p50'),
    right('p99'),
    right('max'),
    right('beyond the scale'),
  ];
  const rows = byName(scenario).map((d) => [
    cell(titleOf(d.name)),
    variantCell(d.variant, names),
    cell(formatInteger(d.count)),
    ...[d.mean, d.p50, d.p99, d.max].map((v) => cell(formatValue(d.count > 0 ? v : null, d.unit))),
    d.overflow > 0 ? cell(formatInteger(d.overflow), { tone: 'warn' }) : cell('0'),
  ]);
  const notes = (scenario.notSeen ?? []).map(
    ({ variant, metric, reason }) => `Not seen of ${variant}: ${titleOf(metric)}. ${reason}`,
  );
  return table(`${scenario.id}: distributions seen by eBPF`, columns, rows, { notes });
}

/** The twin of the charts. */
function rowsTable(scenario: ScenarioReport): Table {
  const columns = [left('what'), left('variant'), right('range'), right('events'), right('share')];
  const rows = byName(scenario).flatMap((d) =>
    d.rows.map(([from = 0, to = 0, events = 0], index) => [
      cell(index === 0 ? titleOf(d.name) : ''),
      cell(index === 0 ? d.variant : ''),
      cell(rangeLabel(from, to, d.unit)),
      cell(formatInteger(events)),
      cell(formatShare(events, d.count)),
    ]),
  );
  return table(`${scenario.id}: every row of the distributions`, columns, rows, { folded: true });
}
