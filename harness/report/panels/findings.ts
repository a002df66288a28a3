import type { Finding } from '../../diagnose/finding.ts';
import { type Cell, cell, listing, type Panel, type Table } from '../content.ts';
import type { Tone } from '../words.ts';

export const findingTones: Record<Finding['state'], Tone> = {
  confirmed: 'bad',
  suspected: 'warn',
  'ruled-out': 'good',
  unknown: 'muted',
};

const findingWords: Record<Finding['state'], string> = {
  confirmed: 'confirmed by two independent views',
  suspected: 'suspected: one view shows it',
  'ruled-out': 'ruled out: the view that would show it does not',
  unknown: 'unknown: no view could look',
};

/** Root causes with the evidence of each view. */
export const findings: Panel = {
  id: 'findings',
  title: 'Findings',
  content(scenario) {
    if (scenario.findings.length === 0) {
      return null;
    }
    return {
      lead: 'A cause is confirmed only when the kernel and the process itself show it independently.',
      charts: [],
      tables: scenario.findings.map(findingTable),
    };
  },
};

function findingTable(finding: Finding): Table {
  const { cause, variant, state, summary, evidence, remedy } = finding;
  const rows: [string, Cell | string][] = [
    ['state', cell(findingWords[state], { tone: findingTones[state] })],
    ['what', summary],
    ...evidence.map(({ view, says, source }): [string, Cell] => [
      `${view} view`,
      cell(says, { sub: source }),
    ]),
  ];
  return listing(`${cause} in ${variant}`, remedy === '' ? rows : [...rows, ['remedy', remedy]]);
}
