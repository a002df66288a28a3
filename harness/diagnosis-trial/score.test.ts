import { expect, test } from 'vitest';
import type { RankedFinding } from '../diagnose/rule.ts';
import type { Cause } from '../scenario/cause.ts';
import type { TrialRecord } from './result.ts';
import { isRight, outcomeOf, scoreOf } from './score.ts';

const subject = (
  kind: TrialRecord['subjects'][number]['kind'],
  expect: Cause[],
): TrialRecord['subjects'][number] => ({
  id: 'x',
  args: [],
  ratePerSec: 1,
  connections: 1,
  ...{ kind, expect },
});
const found = (
  cause: Cause,
  state: RankedFinding['state'],
  more: Partial<RankedFinding> = {},
): RankedFinding => ({
  ...{ cause, state, variant: 'x', summary: '', evidence: [], remedy: '', weight: 0 },
  ...more,
});

test('a fault is right if its cause comes first, suspected or confirmed', () => {
  const leak = subject('fault', ['fd-leak']);
  expect(isRight(outcomeOf(leak, 1, [found('fd-leak', 'suspected')]))).toBe(true);
  expect(isRight(outcomeOf(leak, 1, [found('fd-leak', 'ruled-out')]))).toBe(false);
  const second = [found('spin', 'confirmed'), found('fd-leak', 'confirmed')];
  expect(isRight(outcomeOf(leak, 1, second))).toBe(false);
});

test('a wrong confirmed cause counts wherever it stands, a suspected one does not', () => {
  const outcomes = [
    outcomeOf(subject('fault', ['spin']), 1, [
      found('spin', 'confirmed'),
      found('gc-pressure', 'confirmed'),
      found('slow-peer', 'suspected'),
    ]),
    outcomeOf(subject('twin', []), 1, [found('spin', 'suspected')]),
    outcomeOf(subject('twin', []), 1, [found('spin', 'confirmed')]),
  ];
  expect(scoreOf(outcomes)).toMatchObject({
    ...{ faults: 1, topOne: 1, twins: 2, quietTwins: 1, wrongConfirmed: 2, diagnoses: 3 },
  });
});

test('what follows from another cause, and what neighbours do, is not held against it', () => {
  const findings = [
    found('cpu-neighbour', 'confirmed'),
    found('spin', 'confirmed'),
    found('starvation', 'confirmed', { consequenceOf: 'spin' }),
  ];
  const outcome = outcomeOf(subject('fault', ['spin']), 1, findings);
  expect(outcome.ranked).toEqual(['spin']);
  expect(scoreOf([outcome]).wrongConfirmed).toBe(0);
});

test('of two faults both must be among the first three', () => {
  const both = subject('pair', ['spin', 'fd-leak']);
  const ranked = (causes: Cause[]) =>
    outcomeOf(
      both,
      1,
      causes.map((cause) => found(cause, 'confirmed')),
    );
  expect(isRight(ranked(['gc-pressure', 'spin', 'fd-leak']))).toBe(true);
  expect(isRight(ranked(['gc-pressure', 'spin', 'slow-peer', 'fd-leak']))).toBe(false);
});
