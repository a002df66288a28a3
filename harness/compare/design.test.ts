import { expect, test } from 'vitest';
import { makePlan } from '../plan/plan.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { makeScenario } from '../test/evidence.ts';
import { designSha256 } from './design.ts';

function hashOf(changes: Partial<Scenario> = {}, options = { seed: '1', quick: false }): string {
  const scenario = makeScenario(changes);
  return designSha256(makePlan({ suite: 's', id: 'i', path: '/s/i.json', scenario }, options));
}

const { load, rounds, variants } = makeScenario();

test.for<[string, Partial<Scenario>]>([
  ['the title', { title: 'Another' }],
  ['the question', { question: 'Why?' }],
  ['the gates', { gates: { 'latency-p50': { maxNs: 1 } } }],
  ['the number of rounds', { rounds: { ...rounds, count: 20 } }],
  ['the reference', { reference: 'io_uring' }],
  ['an expectation', { expect: { epoll: [] } }],
  ['$schema', { $schema: 'elsewhere.json' }],
])('%s is not part of the design', ([, changes]) => {
  expect(hashOf(changes)).toBe(hashOf());
});

test.for<[string, Partial<Scenario>]>([
  ['the rate', { load: { ...load, ratePerSec: 6001 } }],
  ['the connections', { load: { ...load, connectionsPerVariant: 65 } }],
  ['the interleaving', { load: { ...load, interleave: 'request' } }],
  ['the unobserved window', { rounds: { ...rounds, unobservedMs: 5001 } }],
  ['the observed window', { rounds: { ...rounds, observedMs: 2001 } }],
  ['the warm-up', { rounds: { ...rounds, warmupMs: 801 } }],
  ['a closed loop', { closedLoop: { connections: 32, durationMs: 3000 } }],
  [
    'an argument of a server',
    {
      variants: { ...variants, epoll: { fixture: 'hello-http', netpoller: 'epoll', args: ['-x'] } },
    },
  ],
  ['the variants', { variants: { epoll: { fixture: 'hello-http', netpoller: 'epoll' } } }],
])('%s is part of the design', ([, changes]) => {
  expect(hashOf(changes)).not.toBe(hashOf());
});

test('neither seed nor the order in which settings are written matters', () => {
  expect(hashOf({}, { seed: '99', quick: false })).toBe(hashOf());
  const reversed = Object.fromEntries(Object.entries(load).reverse()) as Scenario['load'];
  expect(hashOf({ load: reversed })).toBe(hashOf());
});

test('it is a SHA-256', () => {
  expect(hashOf()).toMatch(/^[0-9a-f]{64}$/);
});
