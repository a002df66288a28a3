import { formatInteger, formatNs, formatRate, formatShare } from '../../lib/units.ts';
import { cell, left, type Panel, right, type Table, table, variantCell } from '../content.ts';
import type { ClosedLoopReport, ScenarioReport } from '../report.ts';
import { variantNames } from '../words.ts';
import { gradeCell } from './generator.ts';

/** autocannon's throughput, and what of its times is autocannon's own. */
export const closedLoop: Panel = {
  id: 'closed-loop',
  title: 'Closed-loop throughput',
  content(scenario) {
    if (scenario.closedLoop.length === 0) {
      return null;
    }
    return {
      lead: 'autocannon sends the next request when the last is answered, so a slow server lowers the load and flatters its own latency: a throughput figure, not a latency one. Our generator repeated the same closed loop: what autocannon shows beyond it is the client’s doing. Neither is gated.',
      charts: [],
      tables: [throughput(scenario), bias(scenario)],
    };
  },
};

function throughput(scenario: ScenarioReport): Table {
  const names = variantNames(scenario);
  const columns = [
    left('variant'),
    right('throughput'),
    right('p50'),
    right('p99'),
    right('completed'),
    right('failed'),
    right('client CPU'),
    right('client delay p99'),
  ];
  const rows = scenario.closedLoop.map((row) => [
    variantCell(row.variant, names),
    cell(formatRate(row.requestsPerSec)),
    cell(formatNs(nsOf(row.p50Us))),
    cell(formatNs(nsOf(row.p99Us))),
    cell(formatInteger(row.completed)),
    failedCell(row.failed),
    cell(formatShare(row.clientCpuRatio, 1)),
    cell(formatNs(row.eventLoopDelayP99Ns)),
  ]);
  const notes = scenario.closedLoop.flatMap((row) =>
    row.warnings.map((text) => `${row.variant}: ${text}`),
  );
  return table(`${scenario.id}: autocannon, closed loop`, columns, rows, { notes });
}

function bias(scenario: ScenarioReport): Table {
  const names = variantNames(scenario);
  const columns = [
    left('variant'),
    left('first'),
    left('absolute'),
    right('throughput'),
    right('failed'),
    right('generator busy'),
    right('p50'),
    right('bias at p50'),
    right('p99'),
    right('bias at p99'),
  ];
  const rows = scenario.closedLoop.map((row) => [
    variantCell(row.variant, names),
    cell(row.first, { tone: 'muted' }),
    gradeCell(row.generator.absolute, row.generator.reasons),
    cell(formatRate(row.generator.requestsPerSec)),
    failedCell(row.generator.failed),
    cell(formatShare(row.generator.busyRatio, 1)),
    ...difference(row.generator.p50Ns, row.biasP50Ns),
    ...difference(row.generator.p99Ns, row.biasP99Ns),
  ]);
  const caption = `${scenario.id}: our generator in the same closed loop; bias: autocannon − generator`;
  return table(caption, columns, rows);
}

function nsOf(us: ClosedLoopReport['p50Us']) {
  return us === null ? null : us * 1000;
}

function difference(
  ns: ClosedLoopReport['generator']['p50Ns'],
  biasNs: ClosedLoopReport['biasP50Ns'],
) {
  const sign = biasNs === null ? '' : biasNs < 0 ? '−' : '+';
  const size = biasNs === null ? null : Math.abs(biasNs);
  return [cell(formatNs(ns)), cell(`${sign}${formatNs(size)}`)];
}

function failedCell(count: number) {
  return count > 0 ? cell(formatInteger(count), { tone: 'warn' }) : cell('0');
}
