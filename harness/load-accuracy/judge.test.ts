import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  hasEnoughClean,
  judgeClean,
  judgeMany,
  judgeOracle,
  judgeRate,
  type OwnRun,
  schedulingOf,
} from './judge.ts';
import { onlyArm, parseLoad } from './tools/ours.ts';

const text = await readFile(join(import.meta.dirname, 'testdata', 'load.txt'), 'utf8');
type Arm = ReturnType<typeof onlyArm>;

/** The recorded run, with other figures. */
function runOf(changes: Partial<Arm>, offeredRatePerSec = 200, upNs = 1e9): OwnRun {
  const load = parseLoad(text);
  Object.assign(onlyArm(load), { validity: { absolute: 'valid', reasons: [] }, ...changes });
  Object.assign(load.phases[0] ?? {}, { offeredRatePerSec });
  const cost = {
    ...{ exitCode: 0, signal: 0, overMemory: false },
    ...{ userNs: 1e6, systemNs: 1e6, maxRssBytes: 50 * 2 ** 20 },
  };
  return { load, cost, upNs };
}

const withErrors = (p50Ns: number, p99Ns: number, expectedNs = 1e6) =>
  runOf({
    oracle: {
      expected: { p50Ns: 200_000, p99Ns: expectedNs },
      quantileErrors: { p50Ns, p99Ns },
      utilisation: 0.4,
    },
  });

test('oracle: errors of both signs do not cancel each other', () => {
  const runs = [withErrors(-20_000, 0), withErrors(0, 0), withErrors(20_000, 0)];
  expect(judgeOracle(runs).met).toBe(false);
  expect(judgeOracle([withErrors(-10_000, 50_000), withErrors(9_000, -40_000)]).met).toBe(true);
  expect(judgeOracle([withErrors(0, -50_001)]).met).toBe(false);
  expect(judgeOracle([withErrors(0, -50_001, 20e6)]).met).toBe(true);
});

test('oracle: a run without one is not met, and said', () => {
  const judged = judgeOracle([withErrors(0, 0), runOf({}), withErrors(0, 0)]);
  expect(judged.met).toBe(false);
  expect(judged.seen).toContain('1 of 3 runs without an oracle');
  expect(judgeOracle([runOf({})]).met).toBe(false);
});

/** One run of many phases, each with its grade and its error against the oracle. */
function phasesOf(
  phases: readonly ['valid' | 'suspect', number | null][],
  cause = 'generator',
): OwnRun {
  const run = runOf({});
  const [phase] = run.load.phases;
  run.load.phases = phases.map(([absolute, p99Ns]) => {
    const copy = structuredClone(phase ?? expect.fail('no phase'));
    const reasons = absolute === 'valid' ? [] : [{ rule: 'send-lag', cause }];
    const oracle = {
      expected: { p50Ns: 50_000, p99Ns: 200_000 },
      quantileErrors: { p50Ns: 0, p99Ns: p99Ns ?? 0 },
      utilisation: 0.4,
    };
    const [arm] = Object.values(copy.arms);
    Object.assign(arm ?? {}, { validity: { absolute, reasons } }, p99Ns === null ? {} : { oracle });
    return copy;
  });
  return run;
}

test('clean runs: the oracle says which they are, one alarm among them is forgiven', () => {
  const right = Array.from({ length: 98 }, () => ['valid', -50_000] as ['valid', number]);
  const judged = (...more: ['valid' | 'suspect', number | null][]) =>
    judgeClean([phasesOf(right), phasesOf(more)]);
  expect(judged(['suspect', 50_001], ['valid', 70_000], ['suspect', 50_000], ['valid', 0])).toEqual(
    {
      seen: '1 of 100 clean runs (send-lag), 0 more for the server’s pace; of all 102, 2 not valid, the others’ p99 off by at most 70.0 µs',
      met: true,
    },
  );
  expect(judged(['suspect', 0], ['suspect', -50_000]).met).toBe(false);
});

test('clean runs: what an alarm says of the server is not about the generator', () => {
  const right = Array.from({ length: 97 }, () => ['valid', 0] as ['valid', number]);
  const unsteady = phasesOf(
    [
      ['suspect', 0],
      ['suspect', 0],
      ['suspect', 0],
    ],
    'server',
  );
  const judged = judgeClean([phasesOf(right), unsteady]);
  expect(judged.met).toBe(true);
  expect(judged.seen).toContain('0 of 100 clean runs, 3 more for the server’s pace (send-lag)');
});

test('clean runs: too few decide nothing, more than enough change nothing', () => {
  const right = Array.from({ length: 99 }, () => ['valid', 0] as ['valid', number]);
  const judged = (...more: ['valid' | 'suspect', number | null][]) =>
    judgeClean([phasesOf([...right, ...more])]).met;
  expect(judged()).toBe(null);
  expect(judged(['valid', 50_001], ['suspect', 60_000], ['valid', null])).toBe(null);
  expect(judged(['valid', 0], ['suspect', 0], ['suspect', 0])).toBe(true);
  expect(judgeClean([]).met).toBe(null);
  expect(hasEnoughClean([phasesOf(right)])).toBe(false);
  expect(hasEnoughClean([phasesOf(right), phasesOf([['suspect', 0]])])).toBe(true);
});

test('sent: of what was scheduled, over all runs', () => {
  const sent = (scheduled: number, count: number) => runOf({ scheduled, sent: count });
  expect(judgeRate([sent(79_000, 79_000), sent(81_000, 80_840)], 'sent').met).toBe(true);
  expect(judgeRate([sent(79_000, 79_000), sent(81_000, 80_839)], 'sent').met).toBe(false);
  // More than the nominal 80,000 is no excuse.
  expect(judgeRate([sent(81_000, 80_500)], 'sent').met).toBe(false);
  expect(judgeRate([sent(0, 0)], 'sent').met).toBe(false);
});

test('achieved: of the rate that the seed has drawn, in runs that are valid', () => {
  const rate = (achievedRatePerSec: number, offered: number) =>
    runOf({ achievedRatePerSec }, offered);
  expect(judgeRate([rate(59_700, 59_750)], 'achieved').met).toBe(true);
  expect(judgeRate([rate(60_100, 60_300)], 'achieved').met).toBe(false);
  const validity = { absolute: 'suspect', reasons: [{ rule: 'send-lag' }] } as const;
  const suspect = runOf({ achievedRatePerSec: 200, validity: { ...validity, reasons: [] } });
  expect(judgeRate([suspect], 'achieved').met).toBe(false);
});

test('10,000 connections: the worst run counts', () => {
  const sendLagNs = { p50: 1, p90: 1, p99: 200_000, max: 1 };
  expect(judgeMany([runOf({ sendLagNs }), runOf({ sendLagNs }, 200, 5e9)]).met).toBe(true);
  expect(judgeMany([runOf({ sendLagNs }), runOf({ sendLagNs }, 200, 5.1e9)]).met).toBe(false);
});

test('how the kernel scheduled it is told', () => {
  const other = runOf({});
  Object.assign(other.load.phases[0]?.generator ?? {}, { scheduling: 'other' });
  expect(schedulingOf([runOf({}), other, runOf({})])).toBe('fifo, other');
  expect(schedulingOf([])).toBe('');
});
