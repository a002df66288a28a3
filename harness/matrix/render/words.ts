import type { Interval } from '../../analyze/measurement.ts';
import { formatInterval, formatRatio, noValue, significant } from '../../lib/units.ts';
import type { OutcomeWord } from '../../report/words.ts';
import type { ClaimVerdict } from '../claim.ts';
import type { ClaimCell, MatrixReport } from '../matrix-report.ts';

export const verdictWords: Record<ClaimVerdict, OutcomeWord> = {
  confirmed: { label: 'confirmed', mark: '✓', tone: 'good' },
  refuted: { label: 'refuted', mark: '✗', tone: 'bad' },
  undecided: { label: 'undecided', mark: '?', tone: 'warn' },
  'not-testable-here': { label: 'not testable here', mark: '–', tone: 'muted' },
};

/** A refuted claim is a result: no tone of failure for the run. */
export const matrixOutcomeWords: Record<MatrixReport['outcome'], OutcomeWord> = {
  judged: { label: 'every claim is judged', mark: '✓', tone: 'good' },
  undecided: { label: 'undecided claims', mark: '?', tone: 'warn' },
  invalid: { label: 'invalid data', mark: '!', tone: 'bad' },
  interrupted: { label: 'interrupted', mark: '!', tone: 'warn' },
  failed: { label: 'failed', mark: '!', tone: 'bad' },
};

/** The measured value of a claim in its unit. */
export function seenWords({ quantity, seen }: Pick<ClaimCell, 'quantity' | 'seen'>): string {
  return quantity.endsWith('-ratio') ? formatRatio(seen) : formatInterval(seen, 'ns');
}

export function amountWords(value: number | null): string {
  return value === null ? noValue : significant(value);
}

/** A ratio that the generator bounds says so. */
export function boundedRatio(ratio: Interval | null, limits: { of: boolean; to: boolean }): string {
  const words = formatRatio(ratio);
  if (ratio === null || (!limits.of && !limits.to)) {
    return words;
  }
  return limits.of && limits.to ? `(${words})` : `${limits.of ? '≥' : '≤'} ${words}`;
}
