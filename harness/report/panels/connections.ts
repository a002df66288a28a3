import { formatInteger, significant } from '../../lib/units.ts';
import { cell, left, type Panel, right, table, variantCell } from '../content.ts';
import { variantNames } from '../words.ts';

/** What became of the servers' TCP connections. */
export const connections: Panel = {
  id: 'connections',
  title: 'TCP connections',
  content(scenario) {
    const seen = scenario.connections ?? [];
    if (seen.length === 0) {
      return null;
    }
    const names = variantNames(scenario);
    const columns = [
      left('variant'),
      ...['established', 'closed', 'requests', 'per connection', 'closed first by'].map(right),
      ...['reset sent, received', 'retransmits', 'TIME_WAIT', 'accept queue'].map(right),
    ];
    const rows = seen.map((c) => [
      variantCell(c.variant, names),
      cell(formatInteger(c.established)),
      cell(formatInteger(c.closed)),
      cell(formatInteger(c.requests)),
      cell(c.established === 0 ? '–' : significant(c.requests / c.established)),
      cell(
        `server ${formatInteger(c.byServer)}, client ${formatInteger(c.byClient)}, reset ${formatInteger(c.byReset)}, timeout ${formatInteger(c.byTimeout)}`,
      ),
      cell(`${formatInteger(c.resetsSent)}, ${formatInteger(c.resetsReceived)}`),
      cell(formatInteger(c.retransmits)),
      cell(formatInteger(c.timeWaits)),
      cell(`${formatInteger(c.backlogMax)} of ${formatInteger(c.backlogLimit)}`),
    ]);
    return {
      lead: 'Seen by eBPF on the servers’ side, observed windows of all rounds together. Connections that were open before a window are not among them; the load keeps its own open. Close to one request a connection is a connection that nobody reused.',
      charts: [],
      tables: [table(`${scenario.id}: connections`, columns, rows, { stack: true })],
    };
  },
};
