import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rootDir } from '../lib/paths.ts';
import { makePlan } from '../plan/plan.ts';
import { listSuites, loadSuite } from '../scenario/load.ts';
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

test('a recording is part of it by its content, not by its place', () => {
  const scenario = makeScenario({ load: { ...load, arrivals: { kind: 'replay', file: 'a.txt' } } });
  const hash = (path: string, sha256: string) => {
    const loaded = { suite: 's', id: 'i', path: '/s/i.json', scenario };
    const recording = { path, sha256 };
    return designSha256(makePlan({ ...loaded, recording }, { seed: '1', quick: false }));
  };
  expect(hash('/s/a.txt', 'a')).toBe(hash('/t/a.txt', 'a'));
  expect(hash('/s/a.txt', 'a')).not.toBe(hash('/s/a.txt', 'b'));
});

test('the committed baselines are of the designs of the committed scenarios', async () => {
  const suites = await listSuites();
  const all = (await Promise.all(suites.map((suite) => loadSuite(suite)))).flat();
  const pairs = await Promise.all(
    all.map(async (loaded) => {
      const path = join(rootDir, 'baselines', loaded.suite, `${loaded.id}.json`);
      const { designSha256: committed } = JSON.parse(await readFile(path, 'utf8'));
      return [designSha256(makePlan(loaded, { seed: '1', quick: false })), committed];
    }),
  );
  expect(pairs.length).toBeGreaterThan(0);
  expect(pairs.filter(([now, then]) => now !== then)).toEqual([]);
});

test('it is a SHA-256', () => {
  expect(hashOf()).toMatch(/^[0-9a-f]{64}$/);
});
