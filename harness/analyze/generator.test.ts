import { expect, test } from 'vitest';
import type { ArmLoad, LoadPhase } from '../capture/load-result.ts';
import { makeEvidence, makeScenario } from '../test/evidence.ts';
import { checkGenerator } from './generator.ts';

const oneRound = makeScenario({
  rounds: { count: 1, warmupMs: 0, unobservedMs: 5000, observedMs: 2000 },
});
const clean = makeEvidence({
  scenario: oneRound,
  numbers: { epoll: { requests: 10_000 }, io_uring: { requests: 10_000 } },
});

/** Checks the arm `epoll` after a change to it and its phase. */
function checkAfter(change: (arm: ArmLoad, phase: LoadPhase) => void) {
  const evidence = structuredClone(clean);
  const phase = evidence.rounds[0]?.load.phases[0];
  const arm = phase?.arms['epoll'];
  if (phase === undefined || arm === undefined) {
    throw new Error('the evidence has no unobserved window');
  }
  change(arm, phase);
  const [checked, other] = checkGenerator(evidence);
  return { checked, other };
}

test.for<[what: string, state: string, reason: RegExp, change: (a: ArmLoad, p: LoadPhase) => void]>(
  [
    ['nothing', 'valid', /^$/, () => {}],
    [
      'no request completed',
      'invalid',
      /^0 of 10,000 requests completed/,
      (a) => (a.completed = 0),
    ],
    ['nothing scheduled', 'invalid', /of 0 requests completed/, (a) => (a.scheduled = 0)],
    [
      '11 of 10,000 failed',
      'invalid',
      /^11 of 10,000.*\(status 11\)$/,
      (a) => (a.errors.status = 11),
    ],
    ['10 of 10,000 failed', 'valid', /^$/, (a) => (a.errors.timeout = 10)],
    [
      'kinds of errors add up',
      'invalid',
      /^12 of 10,000.*\(connect 4, reset 4, body 4\)$/,
      (a) => Object.assign(a.errors, { connect: 4, reset: 4, body: 4 }),
    ],
    ['99.8 % completed', 'suspect', /^99.80 % of the scheduled/, (a) => (a.completed = 9_980)],
    ['99.9 % completed', 'valid', /^$/, (a) => (a.completed = 9_990)],
    [
      'lag above the floor',
      'suspect',
      /^send lag p99 50.0 µs is over 50.0 µs/,
      (a) => (a.sendLagNs.p99 = 50_001),
    ],
    ['lag at the floor', 'valid', /^$/, (a) => (a.sendLagNs.p99 = 50_000)],
    [
      'lag small beside a slow server',
      'valid',
      /^$/,
      (a) => {
        a.sendLagNs.p99 = 400_000;
        a.latencyNs.p50 = 4_000_000;
      },
    ],
    [
      'busy 71 %',
      'suspect',
      /^the generator was busy 71 %/,
      (_, p) => (p.generator.busyRatio = 0.71),
    ],
    ['busy 70 %', 'valid', /^$/, (_, p) => (p.generator.busyRatio = 0.7)],
  ],
)('%s: %s', ([, state, reason, change]) => {
  const { checked, other } = checkAfter(change);
  expect(checked).toMatchObject({ variant: 'epoll', round: 1, state });
  expect(checked?.reasons.join('; ')).toMatch(reason);
  expect(other?.variant).toBe('io_uring');
});

test('a variant that the generator recorded nothing for is invalid', () => {
  for (const drop of [
    (phase: LoadPhase) => delete phase.arms['epoll'],
    (phase: LoadPhase) => {
      phase.name = 'warmup';
    },
  ]) {
    const { checked } = checkAfter((_, phase) => drop(phase));
    expect(checked).toMatchObject({
      state: 'invalid',
      completed: 0,
      reasons: ['the generator recorded nothing for this variant'],
    });
  }
});

test('an invalid window stays invalid however suspect it is beside', () => {
  const { checked } = checkAfter((arm) => {
    arm.errors.reset = 5_000;
    arm.completed = 5_000;
  });
  expect(checked?.state).toBe('invalid');
  expect(checked?.reasons).toHaveLength(2);
});

test('one check for every round and variant', () => {
  const checks = checkGenerator(makeEvidence());
  expect(checks).toHaveLength(16);
  expect(checks.every(({ state }) => state === 'valid')).toBe(true);
});
