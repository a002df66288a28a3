import { expect, test } from 'vitest';
import { makeEvidence, makeScenario, probeOf } from '../test/evidence.ts';
import { netpollerContradiction, pollerCalls } from './netpoller-proof.ts';

const clean = makeEvidence();

test('the calls of all observed windows are added up', () => {
  const evidence = structuredClone(clean);
  for (let round = 1; round <= 8; round++) {
    probeOf(evidence, round, 'epoll').syscalls = { epoll_pwait: 10, epoll_wait: 2, read: 99 };
  }
  expect(pollerCalls(evidence, 'epoll')).toEqual({ epoll: 96, ioUring: 0 });
});

test.for([
  ['epoll', { epoll_pwait: 5 }, null],
  ['epoll', { epoll_pwait2: 5 }, null],
  ['epoll', { epoll_pwait: 5, io_uring_enter: 1 }, /epoll_pwait 40, io_uring_enter 8 calls$/],
  ['epoll', { io_uring_enter: 5 }, /^netpoller epoll is not proved/],
  ['epoll', { read: 5 }, /^netpoller epoll is not proved: epoll_pwait 0, io_uring_enter 0/],
  ['io_uring', { io_uring_enter: 5 }, null],
  ['io_uring', { io_uring_enter: 5, epoll_pwait: 1 }, /^netpoller io_uring is not proved/],
  ['io_uring', { epoll_pwait: 5 }, /^netpoller io_uring is not proved/],
  ['io_uring', {}, /^netpoller io_uring is not proved/],
] as const)('%s with %j', ([variant, syscalls, contradiction]) => {
  const evidence = structuredClone(clean);
  for (let round = 1; round <= 8; round++) {
    probeOf(evidence, round, variant).syscalls = { ...syscalls };
  }
  const found = netpollerContradiction(evidence, variant);
  if (contradiction === null) {
    expect(found).toBeNull();
  } else {
    expect(found).toMatch(contradiction);
  }
});

test('a single round on the wrong poller contradicts', () => {
  const evidence = structuredClone(clean);
  Object.assign(probeOf(evidence, 8, 'io_uring').syscalls ?? {}, { epoll_pwait: 1 });
  expect(netpollerContradiction(evidence, 'io_uring')).toMatch('epoll_pwait 1,');
});

test('where nobody looked nothing is contradicted', () => {
  const blind = structuredClone(clean);
  for (const round of blind.rounds) {
    round.netprobe = null;
  }
  expect(pollerCalls(blind, 'epoll')).toBeNull();
  expect(netpollerContradiction(blind, 'epoll')).toBeNull();
});

test('a user’s own server promises no netpoller', () => {
  const scenario = makeScenario({
    variants: {
      epoll: { package: { moduleDir: '.', path: '.' }, ready: { timeoutMs: 1000 } },
    },
  });
  const evidence = makeEvidence({ scenario });
  for (let round = 1; round <= 8; round++) {
    probeOf(evidence, round, 'epoll').syscalls = { io_uring_enter: 5 };
  }
  expect(netpollerContradiction(evidence, 'epoll')).toBeNull();
});
