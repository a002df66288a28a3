import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { mergeHistograms, valueAt } from '../analyze/histogram.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { makeRecord, makeRuns } from '../test/evidence.ts';
import { baselinePath, formatBaseline, readBaseline } from './baseline-file.ts';
import { designSha256 } from './design.ts';
import { makeBaseline } from './make-baseline.ts';

const runs = makeRuns(2);
const records = runs.map((_, index) => makeRecord({ runId: `run-${index}` }));
const baseline = makeBaseline(records, runs);
const text = formatBaseline(baseline);

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pollgate-baseline-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

test('holds the design, the revision, the machine and one centre per run and metric', () => {
  expect(baseline).toMatchObject({
    schema: 1,
    suite: 'io_uring',
    scenario: 'hello-http',
    revision: records[0]?.revision,
    fingerprint: records[0]?.fingerprint,
    runs: ['run-0', 'run-1'],
  });
  expect(runs[0] && designSha256(runs[0].plan)).toBe(baseline.designSha256);
  expect(baseline.metrics['epoll/allocations-per-request']).toEqual([18, 18]);
  expect(baseline.metrics['epoll/latency-p50']).toHaveLength(2);
  expect(Object.keys(baseline.ratios)).toEqual([
    'io_uring/epoll latency-p50',
    'io_uring/epoll latency-p99',
    'io_uring/epoll cpu-per-request',
  ]);
  expect(baseline.ratios['io_uring/epoll latency-p50']?.n).toBe(16);
});

test('its histograms are those of all runs and rounds together', () => {
  const merged = mergeHistograms([baseline.histograms['epoll'] ?? '']);
  expect(merged?.totalCount).toBe(2 * 8 * 20_000);
  expect(valueAt(merged, 0.5)).toBeGreaterThan(59_000);
  expect(valueAt(merged, 0.5)).toBeLessThan(63_000);
});

test('read back it is what was written', async () => {
  const path = baselinePath(dir, 'io_uring', 'hello-http');
  await writeFileAtomic(path, text);
  const read = await readBaseline(path);
  expect(read).toEqual(baseline);
  expect(read && formatBaseline(read)).toBe(text);
});

test('keys are sorted, whatever order they were made in', () => {
  const reversed = <T>(map: Record<string, T>) =>
    Object.fromEntries(Object.entries(map).reverse()) as Record<string, T>;
  const shuffled = {
    ...baseline,
    metrics: reversed(baseline.metrics),
    ratios: reversed(baseline.ratios),
    histograms: reversed(baseline.histograms),
  };
  expect(formatBaseline(shuffled)).toBe(text);
  const keys = [...text.matchAll(/^ {4}"((?:epoll|io_uring)\/[a-z0-9-]+)"/gm)].map(
    ([, key]) => key,
  );
  expect(keys).toHaveLength(24);
  expect(keys).toEqual(keys.toSorted());
});

test('one changed metric changes one line', () => {
  const metrics = { ...baseline.metrics, 'epoll/latency-p50': [70_000, 71_000] };
  const changed = formatBaseline({ ...baseline, metrics }).split('\n');
  const lines = text.split('\n');
  expect(changed).toHaveLength(lines.length);
  const differing = lines.filter((line, index) => line !== changed[index]);
  expect(differing.map((line) => line.slice(0, 23))).toEqual(['    "epoll/latency-p50"']);
});

test('an added metric adds one line and touches no other', () => {
  const metrics = { ...baseline.metrics, 'epoll/new': [1] };
  const lines = text.split('\n');
  const added = formatBaseline({ ...baseline, metrics })
    .split('\n')
    .filter((line) => !lines.includes(line));
  expect(added).toEqual(['    "epoll/new": [1],']);
});

test('an empty map is valid JSON too', () => {
  const empty = { ...baseline, ratios: {}, histograms: {} };
  expect(JSON.parse(formatBaseline(empty))).toEqual(empty);
});

test('where there is no file there is no baseline', async () => {
  expect(await readBaseline(join(dir, 'none.json'))).toBeNull();
});

const replace = (from: string | RegExp, to: string) => text.replace(from, to);
test.for<[what: string, content: string, message: RegExp]>([
  ['truncated', text.slice(0, 600), /is not JSON/],
  ['empty', '', /is not JSON/],
  ['of another schema', replace('"schema": 1', '"schema": 2'), /\/schema: 2 seen, allowed: 1/],
  ['NaN', replace(/\[18,18\]/, '[18,NaN]'), /is not JSON/],
  ['null', replace(/\[18,18\]/, '[18,null]'), /\/metrics\/\S+: null seen, must be number/],
  ['negative', replace(/\[18,18\]/, '[18,-18]'), /\/metrics\/\S+: -18 seen, must be >= 0/],
  [
    'beyond a double',
    replace(/\[18,18\]/, '[18,1e400]'),
    /\/metrics\/\S+: null seen, must be number/,
  ],
  ['without values', replace(/\[18,18\]/, '[]'), /\/metrics\/\S+: \[\] seen, must NOT have fewer/],
  ['extended', replace('"schema": 1,', '"schema": 1, "extra": 1,'), /unknown setting "extra"/],
])('a baseline that is %s is refused with file and place', async ([what, content, message]) => {
  const path = join(dir, `${what.replaceAll(' ', '-')}.json`);
  await writeFile(path, content);
  const error = await readBaseline(path).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: 'PollgateError', exitCode: 2 });
  expect((error as Error).message).toContain(path);
  expect((error as Error).message).toMatch(message);
});

test('a metric that one run could not measure is left out', () => {
  const [first, second] = structuredClone(runs);
  if (first === undefined || second === undefined) {
    throw new Error('two runs');
  }
  for (const { netprobe } of [...second.rounds]) {
    delete netprobe?.targets['epoll'];
  }
  const { metrics } = makeBaseline(records, [first, second]);
  expect(metrics).not.toHaveProperty('epoll/reads-per-request');
  expect(metrics).toHaveProperty('io_uring/reads-per-request');
  expect(metrics).toHaveProperty('epoll/latency-p50');
});

test('of no run there is no baseline', () => {
  expect(() => makeBaseline([], [])).toThrow(RangeError);
});
