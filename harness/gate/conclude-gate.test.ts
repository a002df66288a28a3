import { expect, test } from 'vitest';
import { concludeGate } from './conclude-gate.ts';
import type { GateVerdict } from './gate-report.ts';

const complete = { status: 'complete', failure: '', failureExit: 0 } as const;

function unit(...outcomes: [metric: string, outcome: GateVerdict['outcome']][]) {
  const verdicts = outcomes.map(
    ([metric, outcome]): GateVerdict => ({
      ...{ metric, outcome, limitPercent: 3, basis: 'sliced', ratio: null, control: null, p: 1 },
      ...{
        afterRounds: 12,
        neededRounds: null,
        why: '',
        values: null,
        exceedances: null,
        rounds: [],
      },
    }),
  );
  return { id: 'http/hello/epoll', verdicts };
}

test.for<[GateVerdict['outcome'][], string, number, string]>([
  [['pass', 'improved'], 'pass', 0, 'Passed: all 2 limits were shown to hold.'],
  [['regressed', 'pass'], 'regressed', 1, 'Regressed: http/hello/epoll p50.'],
  [
    ['regressed', 'inconclusive'],
    'regressed',
    1,
    'Regressed: http/hello/epoll p50. Not decided: http/hello/epoll p99.',
  ],
  [
    ['pass', 'unmeasurable'],
    'undecided',
    6,
    'Nothing regressed. Not decided: http/hello/epoll p99.',
  ],
  [
    ['regressed', 'invalid'],
    'regressed',
    3,
    'Regressed: http/hello/epoll p50. Invalid data: http/hello/epoll p99.',
  ],
  [['invalid', 'pass'], 'invalid', 3, 'Invalid data: http/hello/epoll p50.'],
  [
    ['invalid', 'unmeasurable'],
    'invalid',
    3,
    'Invalid data: http/hello/epoll p50. Not decided: http/hello/epoll p99.',
  ],
])('%j: %s, exit code %i', ([[p50, p99], outcome, exitCode, headline]) => {
  const units = [unit(['latency-p50', p50 ?? 'invalid']), unit(['latency-p99', p99 ?? 'invalid'])];
  expect(concludeGate(complete, units)).toEqual({ outcome, exitCode, headline });
});

test('a pass of a gate that the change has weakened is called so', () => {
  const { headline } = concludeGate(complete, [unit(['latency-p50', 'pass'])], 2);
  expect(headline).toBe(
    'Passed the 1 limits that are left; the change weakens the gate in 2 points.',
  );
});

test('what was found before a run broke off is said, and is no verdict', () => {
  const found = [unit(['latency-p50', 'regressed'], ['latency-p99', 'pass'])];
  const words = 'Regressed until then: http/hello/epoll p50.';
  const failed = {
    status: 'failed',
    failure: 'the server died\nat night',
    failureExit: 2,
  } as const;
  expect(concludeGate(failed, found)).toEqual({
    ...{ outcome: 'infra-error', exitCode: 2 },
    headline: `No verdict: the server died ${words}`,
  });
  expect(concludeGate({ ...failed, failureExit: 0 }, []).exitCode).toBe(4);
  const interrupted = { status: 'interrupted', failure: '', failureExit: 143 } as const;
  expect(concludeGate(interrupted, found)).toEqual({
    ...{ outcome: 'interrupted', exitCode: 143 },
    headline: `No verdict: the run was interrupted. ${words}`,
  });
  expect(concludeGate({ ...interrupted, failureExit: 0 }, [])).toEqual({
    ...{ outcome: 'interrupted', exitCode: 130 },
    headline: 'No verdict: the run was interrupted; what was decided until then is shown.',
  });
  // Killed before it could say why: what stands in its record is from its beginning.
  const killed = { status: 'running', failure: '', failureExit: 2 } as const;
  expect(concludeGate(killed, [])).toMatchObject({ outcome: 'interrupted', exitCode: 130 });
});

test('nothing gated is invalid', () => {
  expect(concludeGate(complete, [])).toMatchObject({ outcome: 'invalid', exitCode: 3 });
  expect(concludeGate(complete, [unit()])).toMatchObject({ outcome: 'invalid', exitCode: 3 });
});
