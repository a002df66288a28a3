import { type Cell, cell, left, type Panel, right, table, variantCell } from '../content.ts';
import type { ServerReport } from '../report.ts';
import { variantNames } from '../words.ts';

/** What was really running: binary, Go version, poller with its proof, CPUs. */
export const servers: Panel = {
  id: 'servers',
  title: 'Servers measured',
  content(scenario) {
    if (scenario.servers.length === 0) {
      return null;
    }
    const names = variantNames(scenario);
    const columns = [
      left('variant'),
      left('netpoller'),
      left('Go'),
      right('GOMAXPROCS'),
      left('CPUs'),
      left('sha256 of the binary'),
    ];
    const rows = scenario.servers.map((server) => rowOf(server, names));
    return {
      lead: 'The process that answered is the binary named here; the poller is proved by counting its system calls.',
      charts: [],
      tables: [table(`${scenario.id}: servers`, columns, rows)],
    };
  },
};

function rowOf(server: ServerReport, names: string[]): Cell[] {
  return [
    variantCell(server.variant, names),
    cell(server.netpoller, { sub: server.netpollerProof }),
    cell(server.goVersion),
    cell(server.goMaxProcs > 0 ? String(server.goMaxProcs) : 'not said'),
    cell(server.cpus),
    { text: server.sha256.slice(0, 16), code: true },
  ];
}
