import { expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { costTargets } from './cost-targets.ts';
import { LoadAccuracy, type Reading, whyNothing } from './result.ts';
import { renderResult } from './table.ts';

const tool = (id: string, title: string, missing = '') => ({
  ...{ id, title, loop: 'closed' as const, how: `how ${id} counts` },
  ...{ version: missing === '' ? 'v1' : '', missing },
});

function reading(
  measurement: string,
  id: string,
  round: number,
  values: Reading['values'],
): Reading {
  return { measurement, tool: id, round, values, failed: '' };
}

const failed = (measurement: string, id: string, round: number, why: string): Reading => ({
  ...reading(measurement, id, round, {}),
  failed: why,
});

const result: LoadAccuracy = {
  ...{ schema: 1, runId: 'r', command: 'npm run bench:load -- --seed=7', version: '0.1.0' },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', durationNs: 61e9, status: 'complete', failed: '' },
  ...{ quick: false, seed: '7' },
  fingerprint: {
    ...{ cpuModel: 'A CPU', cpuFlagsSha256: '', cores: 2, cpuQuota: 'none', hypervisor: 'kvm' },
    ...{ kernel: '6.1', mitigations: '', governor: '', clocksource: 'tsc', goVersion: 'go1.26' },
    ...{ goArch: 'amd64', goMaxProcs: 1 },
  },
  placement: { server: 0, tool: 1 },
  noise: {
    ...{ stealRatio: 0.01, pressureRatio: null, loadAverage1: { before: 0.1, after: 1.25 } },
    spinP99Ns: [2_000, 1_000, 9_000],
  },
  rounds: { planned: 5, done: 3 },
  tools: [tool('wrk', 'wrk'), tool('hey', 'hey'), tool('oha', 'oha', 'no | cargo')],
  readings: [
    reading('lag', 'wrk', 1, { p50Ns: 12_300, p99Ns: 1e6 }),
    reading('lag', 'wrk', 2, { p50Ns: 8_100, p99Ns: 2e6 }),
    reading('lag', 'wrk', 3, { p50Ns: 20_400, p99Ns: 3e6 }),
    failed('lag', 'hey', 1, 'exit code 1: too many open files'),
    reading('lag', 'hey', 2, { p50Ns: 5_000, p99Ns: 6_000 }),
    failed('omission', 'wrk', 1, 'has no mode for it'),
    reading('omission', 'hey', 1, {
      ...{ p50TrueNs: 50_000, p50ErrorNs: 1_000, p90TrueNs: 5e8, p90ErrorNs: -5e8 },
      missingRatio: 0.2,
    }),
    reading('omission', 'hey', 2, { p50TrueNs: 50_000, p90TrueNs: 5e8, missingRatio: 0.01 }),
  ],
  targets: [
    { name: 'a', goal: '≤ 1', seen: '2', scheduling: 'fifo', met: false },
    { name: 'b', goal: '≤ 1', seen: '1', scheduling: 'other', met: true },
    { name: 'c', goal: '≤ 1', seen: '–', scheduling: '', met: null },
  ],
};

const lines = renderResult(result).split('\n');
const line = (begin: string) => lines.filter((each) => each.startsWith(begin)).at(-1);

test('the example is of the schema', () => {
  expect(checkJson(result, LoadAccuracy, { name: 'the example', remedy: '' })).toBe(result);
});

test('cells: median with least and most, sign of an error, note of a failure', () => {
  expect(line('| wrk | 12.3')).toBe(
    '| wrk | 12.3 [8.10, 20.4] | 2,000 [1,000, 3,000] | – (1) | – (1) | – (1) | – (1) |',
  );
  expect(line('| hey | 5.00')).toBe(
    '| hey | 5.00 (2) | 6.00 (2) | +1.00 | -500,000 | – | 10.5 [1.00, 20.0] |',
  );
  expect(lines).toContain('1. has no mode for it');
  expect(lines).toContain('2. 1 of 2 rounds: exit code 1: too many open files');
});

test('the true values stand in a row, the number of rounds above it', () => {
  expect(line('| *true value*')).toBe('| *true value* |  |  | 50.0 | 500,000 |  |  |');
  expect(lines.join('\n')).toContain('Rounds: lag 3, omission 2.');
});

test('what is not available is listed with its reason, and only there', () => {
  expect(lines.filter((each) => each.startsWith('| oha'))).toEqual([
    '| oha | not available: no \\| cargo | closed | how oha counts |',
  ]);
});

test('no section without a reading; goals with their outcome; noise of the machine', () => {
  const text = lines.join('\n');
  expect(text).not.toContain('## Cost');
  expect(text).toContain('| a | ≤ 1 | 2 | fifo | **not met** |');
  expect(text).toContain('| c | ≤ 1 | – | – | not decided |');
  expect(text).toContain(
    'Noise, the benchmark’s own load included: 1.00 % of the CPU time stolen, – of the time some task waited for a CPU, load average 0.10 before and 1.25 after, a spinning loop lost 2.00 µs, at most 9.00 µs',
  );
  expect(text).toContain(
    'medians of 3 rounds [least, most], 5 planned; fewer than 5: a look, no result.',
  );
  const stopped = renderResult({ ...result, status: 'failed', failed: 'no server' });
  expect(stopped).toContain(', failed (no server); medians of');
  expect(renderResult({ ...result, rounds: { planned: 5, done: 5 } })).toContain('5 planned.\n');
});

test('goals of cost: against the best of its kind, undecided where there is none', () => {
  const cost = (id: string, ratePerCpuSec: number) => reading('cost', id, 1, { ratePerCpuSec });
  const targets = costTargets(
    [cost('ours', 130_000), cost('wrk', 100_000), cost('hey', 20_000), cost('k6', 70_000)],
    result.tools,
  );
  expect(targets.map(({ seen, met }) => [seen, met])).toEqual([
    ['1.30× wrk', true],
    ['not available: autocannon, autocannon-us', null],
    ['1.86× k6 (of hey, k6; without bombardier, fortio, vegeta)', false],
  ]);
  expect(costTargets([cost('wrk', 1)], result.tools)).toEqual([]);
});

test('a run without a figure says why, each reason once', () => {
  expect(whyNothing(result)).toBeNull();
  const none = {
    tools: result.tools,
    readings: [1, 2].map((round) => failed('lag', 'hey', round, 'exit code 1')),
    targets: [{ name: 'a', goal: '≤ 1', seen: 'failed: no server', scheduling: '', met: false }],
  };
  expect(whyNothing(none)).toEqual([
    'oha: no | cargo',
    'hey, lag: exit code 1',
    'a: failed: no server',
  ]);
  const [target] = none.targets.map((each) => ({ ...each, scheduling: 'fifo' }));
  expect(whyNothing({ ...none, targets: target ? [target] : [] })).toBeNull();
});
