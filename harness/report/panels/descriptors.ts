import { formatInteger, noValue, significant } from '../../lib/units.ts';
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
import type { DescriptorReport, ScenarioReport } from '../report.ts';
import { variantNames } from '../words.ts';

/** Descriptors opened, closed and left open by kind: from eBPF and from /proc. */
export const descriptors: Panel = {
  id: 'descriptors',
  title: 'Descriptors',
  content(scenario) {
    if (scenario.descriptors.length === 0) {
      return null;
    }
    return {
      lead: 'Opened, closed and left open: seen by eBPF in the observed windows. Growth: of /proc/PID/fd over the same windows, an independent count.',
      charts: [],
      tables: [descriptorTable(scenario)],
    };
  },
};

function descriptorTable(scenario: ScenarioReport): Table {
  const columns = [
    left('variant'),
    left('kind'),
    right('opened'),
    right('closed'),
    right('left open'),
    right('per 1,000 requests'),
    right('growth in /proc'),
  ];
  const names = variantNames(scenario);
  const rows = scenario.descriptors.flatMap((d) =>
    kindsOf(d).map((kind, index) => [
      index === 0
        ? { ...variantCell(d.variant, names), sub: `${formatInteger(d.requests)} requests` }
        : cell(''),
      cell(kind),
      countCell(d.opened, kind),
      countCell(d.closed, kind),
      leakCell(d, kind),
      cell(perThousand(d, kind)),
      countCell(d.procGrowth, kind),
    ]),
  );
  return table(`${scenario.id}: descriptors by kind`, columns, rows);
}

/** Kinds with anything to say; "all" where nothing was counted at all. */
function kindsOf(d: DescriptorReport): string[] {
  const kinds = new Set<string>();
  for (const counts of [d.opened, d.closed, d.leaked, d.procGrowth]) {
    for (const [kind, count] of Object.entries(counts ?? {})) {
      if (count !== 0) {
        kinds.add(kind);
      }
    }
  }
  return kinds.size === 0 ? ['all'] : [...kinds].sort();
}

function countCell(counts: Record<string, number> | null, kind: string): Cell {
  return counts === null
    ? cell(noValue, { tone: 'muted' })
    : cell(formatInteger(counts[kind] ?? 0));
}

function leakCell({ leaked }: DescriptorReport, kind: string): Cell {
  const count = leaked?.[kind] ?? 0;
  return count > 0 ? cell(formatInteger(count), { tone: 'warn' }) : countCell(leaked, kind);
}

function perThousand({ leaked, requests }: DescriptorReport, kind: string): string {
  return leaked === null || requests === 0
    ? noValue
    : significant((1000 * (leaked[kind] ?? 0)) / requests);
}
