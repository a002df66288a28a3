import { formatInteger, formatNs, formatShare } from '../../lib/units.ts';
import { type Cell, cell, left, type Panel, right, table, variantCell } from '../content.ts';
import type { GeneratorReport } from '../report.ts';
import { type Tone, variantNames } from '../words.ts';

const tones: Record<GeneratorReport['state'], Tone> = {
  valid: 'good',
  suspect: 'warn',
  invalid: 'bad',
};

/** Whether the load was what it was meant to be: without that no latency can be quoted. */
export const generator: Panel = {
  id: 'generator',
  title: 'Was the load valid?',
  content(scenario) {
    if (scenario.generator.length === 0) {
      return null;
    }
    const columns = [
      right('round'),
      left('variant'),
      left('state'),
      right('scheduled'),
      right('completed'),
      right('errors'),
      right('unsent'),
      right('send lag p50'),
      right('send lag p99'),
      right('generator busy'),
    ];
    const names = variantNames(scenario);
    const rows = scenario.generator.map((row) => rowOf(row, names));
    const suspect = scenario.generator.filter((row) => row.state !== 'valid').length;
    const lead =
      suspect === 0
        ? `All ${rows.length} windows are valid: what was scheduled was sent on time and answered.`
        : `${suspect} of ${rows.length} windows are not valid; their reasons stand in the table.`;
    const tables = [
      table(`${scenario.id}: the generator, by round`, columns, rows, { folded: suspect === 0 }),
    ];
    return { lead, charts: [], tables };
  },
};

function rowOf(row: GeneratorReport, names: string[]): Cell[] {
  const state = cell(row.state, { tone: tones[row.state], sub: row.reasons.join('; ') });
  return [
    cell(String(row.round)),
    variantCell(row.variant, names),
    state,
    cell(formatInteger(row.scheduled)),
    cell(formatInteger(row.completed), { sub: formatShare(row.achievedRatio, 1) }),
    countCell(row.errors),
    countCell(row.unsent),
    cell(formatNs(row.sendLagP50Ns)),
    cell(formatNs(row.sendLagP99Ns)),
    cell(formatShare(row.busyRatio, 1)),
  ];
}

function countCell(count: number): Cell {
  return count > 0 ? cell(formatInteger(count), { tone: 'warn' }) : cell('0');
}
