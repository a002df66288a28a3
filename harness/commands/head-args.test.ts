import { expect, test } from 'vitest';
import { fixtureArgs } from '../run/gate-round.ts';
import { listSuites, loadSuite } from '../scenario/load.ts';
import type { LoadedScenario } from '../scenario/scenario.ts';
import { knobs } from '../selftest/live/knobs.ts';
import { refuseHeadArgs, splitArgs } from './head-args.ts';

const scenarios = (await Promise.all((await listSuites()).map((suite) => loadSuite(suite)))).flat();

test('arguments are apart by blanks', () => {
  expect(splitArgs('')).toEqual([]);
  expect(splitArgs(' --knob-tail-every=50  --knob-tail-sleep=2ms ')).toEqual([
    ...['--knob-tail-every=50', '--knob-tail-sleep=2ms'],
  ]);
});

test('the head alone gets them, behind its own, so that they win', () => {
  const headArgs = ['--leak-every=1000'];
  expect(fixtureArgs(['--leak-every=0'], 'head', { headArgs })).toEqual([
    ...['--leak-every=0', '--leak-every=1000'],
  ]);
  for (const arm of ['base', 'control'] as const) {
    expect(fixtureArgs(['--leak-every=0'], arm, { headArgs })).toEqual(['--leak-every=0']);
  }
  expect(fixtureArgs(undefined, 'head', {})).toEqual([]);
});

test.for(['--listen=:1', '-pprof=x', '--nonce=1', '--data=x'])('%s is the harness’s own', (arg) => {
  expect(() => refuseHeadArgs([arg], scenarios)).toThrow(`--head-args has "${arg}"`);
});

test('a program of the user’s has no knobs', () => {
  const [first] = scenarios as [LoadedScenario];
  const { reference } = first.scenario;
  const own = structuredClone(first);
  own.scenario.variants[reference] = {
    package: { moduleDir: '.', path: '.' },
    ready: { timeoutMs: 1_000 },
  };
  expect(() => refuseHeadArgs(['--knob-spin=1'], [own])).toThrow('starts a program of yours');
  expect(() => refuseHeadArgs([], [own])).not.toThrow();
  expect(() => refuseHeadArgs(['--knob-spin=1'], [first])).not.toThrow();
});

test('every knob belongs to scenarios that the gate has', () => {
  const gated = scenarios.filter(({ scenario }) => scenario.gate !== undefined);
  for (const { name, args, scenarios: ids = [] } of knobs) {
    expect(ids.filter((id) => !gated.some((each) => each.id === id))).toEqual([]);
    expect(args.length > 0).toBe(name !== 'none');
    expect(splitArgs(args.join(' '))).toEqual(args);
  }
});
