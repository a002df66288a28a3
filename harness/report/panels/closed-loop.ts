import { formatInteger, formatNs, formatRate, formatShare } from '../../lib/units.ts';
import { cell, left, type Panel, right, table, variantCell } from '../content.ts';
import { variantNames } from '../words.ts';

/** autocannon's throughput: the most that fits through one client on this machine. */
export const closedLoop: Panel = {
  id: 'closed-loop',
  title: 'Closed-loop throughput',
  content(scenario) {
    if (scenario.closedLoop.length === 0) {
      return null;
    }
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
      cell(formatNs(row.p50Us * 1000)),
      cell(formatNs(row.p99Us * 1000)),
      cell(formatInteger(row.completed)),
      row.failed > 0 ? cell(formatInteger(row.failed), { tone: 'warn' }) : cell('0'),
      cell(formatShare(row.clientCpuRatio, 1)),
      cell(formatNs(row.eventLoopDelayP99Ns)),
    ]);
    const notes = scenario.closedLoop.flatMap((row) =>
      row.warnings.map((text) => `${row.variant}: ${text}`),
    );
    return {
      lead: 'autocannon sends the next request when the last is answered, so a slow server lowers the load and flatters its own latency: a throughput figure, not a latency one.',
      charts: [],
      tables: [table(`${scenario.id}: autocannon, closed loop`, columns, rows, { notes })],
    };
  },
};
