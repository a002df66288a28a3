import type { Agreement } from '../../analyze/agreement.ts';
import { formatInteger, formatValue, significant } from '../../lib/units.ts';
import { cell, left, type Panel, right, table, variantCell } from '../content.ts';
import { type Tone, variantNames } from '../words.ts';

const tones: Record<Agreement['state'], Tone> = { agree: 'good', disagree: 'bad', shown: 'muted' };
const words: Record<Agreement['state'], string> = {
  agree: '✓ agree',
  disagree: '✗ disagree',
  shown: 'shown, not judged',
};

/** One quantity from two independent sources: whether the instruments can be believed. */
export const agreements: Panel = {
  id: 'agreements',
  title: 'Do the sources agree?',
  content(scenario) {
    if (scenario.agreements.length === 0) {
      return null;
    }
    const names = variantNames(scenario);
    const columns = [
      left('quantity'),
      left('variant'),
      right('first source'),
      right('second source'),
      right('gap'),
      right('tolerance'),
      left('state'),
    ];
    const rows = scenario.agreements.map((a) => [
      cell(a.quantity),
      variantCell(a.variant, names),
      cell(exact(a.first.value, a.unit), { sub: a.first.source }),
      cell(exact(a.second.value, a.unit), { sub: a.second.source }),
      cell(percent(a.gap)),
      cell(a.state === 'shown' ? '' : percent(a.tolerance)),
      cell(words[a.state], { tone: tones[a.state] }),
    ]);
    return {
      lead: 'Each quantity is measured twice, by means that share nothing. The gap is |first − second| ÷ the larger.',
      charts: [],
      tables: [table(`${scenario.id}: agreement of sources`, columns, rows)],
    };
  },
};

/** Whole counts in full: two sources may differ in the last digit. */
function exact(value: number, unit: Agreement['unit']): string {
  return unit === 'count' && Number.isInteger(value)
    ? formatInteger(value)
    : formatValue(value, unit);
}

function percent(ratio: number): string {
  return `${significant(100 * ratio)} %`;
}
