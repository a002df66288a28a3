import { expect, test } from 'vitest';
import type { ArmLoad, LoadPhase, LoadReason } from '../capture/load-result.ts';
import { makeEvidence, makeScenario } from '../test/evidence.ts';
import { checkGenerator, checkPaired } from './generator.ts';

const oneRound = makeScenario({
  rounds: { count: 1, warmupMs: 0, unobservedMs: 5000, observedMs: 2000 },
});
const clean = makeEvidence({
  scenario: oneRound,
  numbers: { epoll: { requests: 10_000 }, io_uring: { requests: 10_000 } },
});

/** The clean evidence after a change to the arm `epoll` and its phase. */
function evidenceAfter(change: (arm: ArmLoad, phase: LoadPhase) => void) {
  const evidence = structuredClone(clean);
  const phase = evidence.rounds[0]?.load.phases[0];
  const arm = phase?.arms['epoll'];
  if (phase === undefined || arm === undefined) {
    throw new Error('the evidence has no unobserved window');
  }
  change(arm, phase);
  return evidence;
}

const lag: LoadReason = {
  rule: 'send-lag',
  grade: 'suspect',
  cause: 'generator',
  seen: 61_000,
  limit: 50_000,
  unit: 'ns',
  text: 'send lag p99 61 µs is over 50 µs',
};
const loss: LoadReason = {
  rule: 'loss',
  grade: 'invalid',
  cause: 'server',
  seen: 0.5,
  limit: 0.001,
  unit: 'ratio',
  text: '50 % of the requests have no good reply (5,000 failed), over 0.1 %',
};

test('a clean window: what was counted, both lags, and the grade of the generator', () => {
  const [checked] = checkGenerator(clean);
  expect(checked).toEqual({
    ...{ round: 1, variant: 'epoll', scheduled: 10_000, completed: 10_000, errors: 0, unsent: 0 },
    ...{ achievedRatio: 1, sendLagP50Ns: 600, sendLagP99Ns: 4_000 },
    ...{ receiveLagP50Ns: 900, receiveLagP99Ns: 5_000, busyRatio: 0.2, scheduling: 'fifo' },
    ...{ absolute: 'valid', reasons: [] },
  });
});

test('the grade is the generator’s, whatever the sums look like; the worst reason comes first', () => {
  const evidence = evidenceAfter((arm) => {
    arm.validity = { ...arm.validity, absolute: 'invalid', reasons: [lag, loss] };
  });
  const [checked, other] = checkGenerator(evidence);
  expect(checked?.absolute).toBe('invalid');
  expect(checked?.reasons).toEqual([
    { rule: 'loss', grade: 'invalid', cause: 'server', text: loss.text },
    { rule: 'send-lag', grade: 'suspect', cause: 'generator', text: lag.text },
  ]);
  expect([other?.variant, other?.absolute]).toEqual(['io_uring', 'valid']);
});

test('errors of all kinds add up; what was never sent stands apart', () => {
  const evidence = evidenceAfter((arm) => {
    Object.assign(arm.errors, { connect: 4, reset: 3, timeout: 2, status: 1, body: 1 });
    Object.assign(arm, { completed: 9_900, unsent: 89 });
  });
  const [checked] = checkGenerator(evidence);
  expect(checked).toMatchObject({ errors: 11, unsent: 89, achievedRatio: 0.99 });
});

test('a kernel without receive stamps leaves the receive lag unknown', () => {
  const evidence = evidenceAfter((arm) => {
    Object.assign(arm.receiveLagNs, { count: 0, p50: null, p99: null });
  });
  expect(checkGenerator(evidence)[0]).toMatchObject({
    receiveLagP50Ns: null,
    receiveLagP99Ns: null,
    absolute: 'valid',
  });
});

test('a variant that the generator recorded nothing for is invalid', () => {
  for (const drop of [
    (phase: LoadPhase) => delete phase.arms['epoll'],
    (phase: LoadPhase) => {
      phase.name = 'warmup';
    },
  ]) {
    const [checked] = checkGenerator(evidenceAfter((_, phase) => drop(phase)));
    expect(checked).toMatchObject({
      ...{ absolute: 'invalid', completed: 0, sendLagP99Ns: null },
      reasons: [{ rule: 'nothing-recorded', cause: 'generator' }],
    });
  }
});

test('one check for every round and variant, and one pair for every round', () => {
  const checks = checkGenerator(makeEvidence());
  expect(checks).toHaveLength(16);
  expect(checks.every(({ absolute }) => absolute === 'valid')).toBe(true);
  expect(checkPaired(makeEvidence()).map(({ round, grade }) => [round, grade])).toEqual(
    Array.from({ length: 8 }, (_, index) => [index + 1, 'valid']),
  );
});

test('a pair that may not be compared brings its reasons', () => {
  const evidence = evidenceAfter((_, phase) => {
    phase.paired = { grade: 'invalid', reasons: [{ ...lag, grade: 'invalid' }] };
  });
  expect(checkPaired(evidence)).toEqual([
    {
      ...{ round: 1, grade: 'invalid' },
      reasons: [{ rule: 'send-lag', grade: 'invalid', cause: 'generator', text: lag.text }],
    },
  ]);
});

test('one variant makes no pair', () => {
  const variants = { epoll: { fixture: 'hello-http', netpoller: 'epoll' as const } };
  const alone = makeEvidence({ scenario: makeScenario({ variants }) });
  expect(checkPaired(alone).every(({ grade }) => grade === null)).toBe(true);
});
