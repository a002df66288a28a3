import type { RankedFinding } from '../diagnose/rule.ts';
import type { Cause } from '../scenario/cause.ts';
import type { TrialRecord } from './result.ts';

type Subject = TrialRecord['subjects'][number];

/** What came of one diagnosis. */
export interface Outcome {
  subject: Subject;
  repeat: number;
  /** Seen causes in the order of their rank, without those that follow from others. */
  ranked: Cause[];
  /** Those of them that both views show. */
  confirmed: Cause[];
}

/** Outcomes that were right or wrong, as they are counted. */
export interface Score {
  faults: number;
  /** The expected cause came first. */
  topOne: number;
  pairs: number;
  /** Both causes were among the first three. */
  topThree: number;
  twins: number;
  /** Twins for which no cause was confirmed. */
  quietTwins: number;
  /** Confirmed causes that were not expected, of all diagnoses. */
  wrongConfirmed: number;
  diagnoses: number;
}

/**
 * Causes of the neighbours are right where there are neighbours: they are named as theirs, and not
 * counted for or against the process.
 */
const ofNeighbours: readonly Cause[] = ['cpu-neighbour'];

/** @param findings ranked, as diagnoseProcess gives them */
export function outcomeOf(
  subject: Subject,
  repeat: number,
  findings: readonly RankedFinding[],
): Outcome {
  const own = findings.filter(
    ({ cause, consequenceOf }) => consequenceOf === undefined && !ofNeighbours.includes(cause),
  );
  const named = (states: readonly string[]) =>
    own.filter(({ state }) => states.includes(state)).map(({ cause }) => cause);
  return {
    subject,
    repeat,
    ranked: named(['confirmed', 'suspected']),
    confirmed: named(['confirmed']),
  };
}

export function scoreOf(outcomes: readonly Outcome[]): Score {
  const of = (kind: Subject['kind']) => outcomes.filter(({ subject }) => subject.kind === kind);
  return {
    faults: of('fault').length,
    topOne: of('fault').filter(isRight).length,
    pairs: of('pair').length,
    topThree: of('pair').filter(isRight).length,
    twins: of('twin').length,
    quietTwins: of('twin').filter(isRight).length,
    wrongConfirmed: outcomes.reduce((sum, outcome) => sum + wrongOf(outcome).length, 0),
    diagnoses: outcomes.length,
  };
}

/** Whether one diagnosis said what it had to. */
export function isRight({ subject, ranked, confirmed }: Outcome): boolean {
  if (subject.kind === 'twin') {
    return confirmed.length === 0;
  }
  const among = ranked.slice(0, subject.kind === 'pair' ? 3 : 1);
  return subject.expect.every((cause) => among.includes(cause));
}

/** Causes confirmed though nothing of the kind was built in. */
export function wrongOf({ subject, confirmed }: Outcome): Cause[] {
  return confirmed.filter((cause) => !subject.expect.includes(cause));
}
