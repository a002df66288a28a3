import { expect, test } from 'vitest';
import type { Evidence } from '../analyze/evidence.ts';
import {
  hdrBlob,
  judgeLost,
  lostEbpf,
  machine,
  makeEvidence,
  makeRecord,
  makeScenario,
  unobservedArm,
} from '../test/evidence.ts';
import { refusalOf } from './baseline-refusal.ts';

const scenario = makeEvidence();
const rounds = (count: number) =>
  makeEvidence({
    scenario: makeScenario({
      rounds: { count, warmupMs: 800, unobservedMs: 5000, observedMs: 2000 },
    }),
  });
const run = (
  record: Parameters<typeof makeRecord>[0] = {},
  scenarios: Evidence['scenarios'] = [scenario],
): Evidence => ({ record: makeRecord(record), scenarios });

function without(change: (evidence: typeof scenario) => void): Evidence {
  const changed = structuredClone(scenario);
  change(changed);
  return run({}, [changed]);
}

test('a clean run is taken, alone and beside another', () => {
  expect(refusalOf(run(), 'io_uring', undefined)).toBeUndefined();
  const other = run({ runId: 'other', seed: '2', startedAt: '2026-11-23T18:00:00.000Z' });
  expect(refusalOf(other, 'io_uring', run())).toBeUndefined();
});

const build = {
  ...{ name: 'server', path: '.cache/bin/server', sha256: 'a'.repeat(64), goVersion: 'go1.26.8' },
  ...{ netpoller: 'epoll' as const, flags: [], inputsSha256: 'b'.repeat(64) },
};

const rows: [what: string, run: Evidence, why: RegExp][] = [
  ['another suite', run({ suite: 'fd_leak' }), /^it is a run of fd_leak$/],
  ['an interrupted run', run({ status: 'interrupted' }), /^it is interrupted$/],
  ['a failed run', run({ status: 'failed' }), /^it is failed$/],
  ['a dirty tree', run({ dirty: true }), /uncommitted changes/],
  ['no revision', run({ revision: 'unknown' }), /does not know its revision/],
  ['a quick run', run({ quick: true }), /--quick/],
  ['a degraded run', run({ lost: [lostEbpf] }), /degraded: no wake-up latency/],
  ['no scenario', run({}, []), /no scenario/],
  [
    'a lost capture',
    without((evidence) => {
      const [first] = evidence.rounds;
      if (first) {
        first.record.missing = { 'netprobe.json': 'x' };
      }
    }),
    /lost a capture/,
  ],
  [
    'a round whose requests failed',
    without((evidence) => {
      const arm = unobservedArm(evidence, 2, 'io_uring');
      arm.errors.reset = 20_000;
      arm.completed = 0;
      arm.latencyHistogram = hdrBlob([]);
      judgeLost(arm, 'none of 20,000 requests completed');
    }),
    /^hello-http io_uring latency-p50: .*none of 20,000 requests completed/,
  ],
  ['a missing round', without((evidence) => evidence.rounds.pop()), /lacks a round/],
  ['one round', run({}, [rounds(1)]), /single round/],
  ['three rounds', run({}, [rounds(3)]), /fewer than 4 rounds/],
  [
    'a machine that is not known',
    run({ fingerprint: { ...machine, kernel: 'unknown' } }),
    /machine is not known \(kernel\)/,
  ],
  [
    'another machine',
    run({ fingerprint: { ...machine, cores: 4 } }),
    /machine is not that of the newest run \(cores\)/,
  ],
  ['another Go', run({ fingerprint: { ...machine, goVersion: 'go1.27.0' } }), /\(goVersion\)/],
  ['another revision', run({ revision: 'f'.repeat(40) }), /another revision/],
  ['other binaries', run({ builds: [build] }), /other binaries/],
  [
    'another design',
    without((evidence) => {
      if (evidence.plan.scenario.load.protocol === 'http1') {
        evidence.plan.scenario.load.ratePerSec = 4_000;
      }
    }),
    /scenarios are not the same/,
  ],
];

test.for(rows)('%s is refused in words of its own', ([, candidate, why]) => {
  expect(refusalOf(candidate, 'io_uring', run())).toMatch(why);
});

test('no two refusals are the same', () => {
  const words = rows.map(([, candidate]) => refusalOf(candidate, 'io_uring', run()));
  expect(new Set(words).size).toBe(rows.length);
});
