import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readEvidence } from '../analyze/evidence.ts';
import { readGateEvidence } from '../analyze/gate-evidence.ts';
import { compareRuns, type RunDifference } from '../compare/compare-runs.ts';
import { judgeGate } from '../gate/judge-gate.ts';
import { rootDir } from '../lib/paths.ts';
import { renderGatesCompared, renderRunsCompared } from '../report/render/compare.ts';
import type { RoundRecord, RunRecord } from '../run/run-record.ts';
import { recordedRun } from '../test/recorded.ts';
import { compareCommand } from './compare.ts';

const recordedGate = join(rootDir, 'harness', 'test', 'recorded-gate');
let copy = '';

beforeEach(async () => {
  copy = await mkdtemp(join(tmpdir(), 'pollgate-compare-'));
  await cp(recordedRun, copy, { recursive: true });
});
afterEach(() => rm(copy, { recursive: true }));

async function edit<T>(path: string, change: (value: T) => void): Promise<void> {
  const value = JSON.parse(await readFile(path, 'utf8')) as T;
  change(value);
  await writeFile(path, JSON.stringify(value));
}

const editRun = (change: (record: RunRecord) => void) => edit(join(copy, 'run.json'), change);

/** The recorded run as A, its copy as B. */
async function compared(): Promise<RunDifference[]> {
  return compareRuns(await readEvidence(recordedRun), await readEvidence(copy)).differences;
}

function find(all: readonly RunDifference[], variant: string, metric: string) {
  return all.find((each) => each.variant === variant && each.metric === metric);
}

/** As if the server had used so many times the CPU time. */
async function scaleCpu(variant: string, factor: number): Promise<void> {
  for (let round = 1; round <= 8; round++) {
    await edit<RoundRecord>(join(copy, 'hello-http', `round-0${round}`, 'round.json'), (record) => {
      for (const window of Object.values(record.windows)) {
        const edges = window[variant];
        const grow = (begin: number, end: number) => Math.round(begin + factor * (end - begin));
        if (edges?.begin.fixture && edges.end.fixture) {
          const [begin, end] = [edges.begin.fixture, edges.end.fixture];
          end.userCpuNs = grow(begin.userCpuNs, end.userCpuNs);
          end.systemCpuNs = grow(begin.systemCpuNs, end.systemCpuNs);
          edges.end.proc.cpuNs = grow(edges.begin.proc.cpuNs, edges.end.proc.cpuNs);
        }
      }
    });
  }
}

test('a copy: no difference shown anywhere, and every ratio is 1', async () => {
  const all = await compared();
  expect(all.length).toBeGreaterThan(15);
  expect([...new Set(all.map(({ finding }) => finding))]).toEqual(['no difference shown']);
  for (const { ratio } of all.filter((each) => each.ratio !== null)) {
    expect(ratio?.center).toBeCloseTo(1, 12);
  }
});

test.for([
  [1.5, 'higher'],
  [0.6, 'lower'],
] as const)(
  '%d times the CPU time of one variant is %s, of that one alone',
  async ([factor, finding]) => {
    await scaleCpu('epoll', factor);
    const all = await compared();
    const cpu = find(all, 'epoll', 'cpu-per-request');
    expect(cpu?.finding).toBe(finding);
    expect(cpu?.ratio?.center).toBeCloseTo(factor, 3);
    expect(find(all, 'io_uring', 'cpu-per-request')?.finding).toBe('no difference shown');
  },
);

test('another machine: times are incomparable with each differing field, counts are compared', async () => {
  await editRun(({ fingerprint }) => Object.assign(fingerprint, { cores: 64, governor: 'other' }));
  const all = await compared();
  const p50 = find(all, 'epoll', 'latency-p50');
  expect(p50).toMatchObject({ finding: 'incomparable', ratio: null });
  expect(p50?.why).toBe('other machine: cores, governor');
  expect(find(all, 'epoll', 'allocations-per-request')?.finding).toBe('no difference shown');
});

test('another Go: counts are compared, and what may have made the difference is named', async () => {
  await editRun(({ fingerprint }) => Object.assign(fingerprint, { goVersion: 'go9' }));
  const all = await compared();
  expect(find(all, 'epoll', 'latency-p50')?.why).toContain('goVersion');
  const allocations = find(all, 'epoll', 'allocations-per-request');
  expect(allocations?.finding).toBe('no difference shown');
  expect(allocations?.why).toMatch(/B of go9/);
});

test('another load: nothing is compared', async () => {
  await editRun(({ plans: [plan] }) => {
    Object.assign(plan?.scenario.load ?? {}, { ratePerSec: 1 });
  });
  const all = await compared();
  expect([...new Set(all.map(({ finding }) => finding))]).toEqual(['incomparable']);
  expect(all[0]?.why).toMatch(/scenario differs/);
});

test('a quick run is too short for times', async () => {
  await editRun((record) => Object.assign(record, { quick: true }));
  const p50 = find(await compared(), 'epoll', 'latency-p50');
  expect(p50).toMatchObject({ finding: 'incomparable', why: expect.stringContaining('--quick') });
});

test('the text: figures, words, and that a verdict needs a gate', async () => {
  await scaleCpu('epoll', 1.5);
  const [a, b] = [await readEvidence(recordedRun), await readEvidence(copy)];
  const text = renderRunsCompared(a.record, b.record, compareRuns(a, b));
  expect(text).toMatch(/^ {2}epoll +CPU\/request .*×1\.50 \[.*\] {2}higher$/m);
  expect(text).toMatch(/npm run gate -- --base <revision>\.\n$/);
  expect(text).not.toMatch(/\bpass(ed)?$/m);
});

test('two gates: both ratios side by side', async () => {
  const report = judgeGate(await readGateEvidence(recordedGate));
  const other = structuredClone(report);
  for (const verdict of other.units.flatMap(({ verdicts }) => verdicts)) {
    verdict.ratio = { center: 1.25, lo: 1.2, hi: 1.3, n: 12 };
    verdict.outcome = 'regressed';
  }
  const text = renderGatesCompared(report, other);
  expect(
    text.match(/unmeasurable +×1\.250 \[1\.200, 1\.300\] +\d+ % {2}regressed$/gm),
  ).toHaveLength(5);
});

test('what cannot be compared is refused with exit code 2', async () => {
  const refused = (a: string, b: string, message: RegExp) =>
    expect(compareCommand(a, b)).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringMatching(message),
    });
  await refused(recordedRun, join(rootDir, 'docs'), /neither run\.json nor gate\.json/);
  await refused(join(rootDir, 'nowhere'), recordedRun, /nowhere is not a run directory/);
  await refused(recordedRun, `${recordedRun}/.`, /same run directory/);
  await symlink(recordedRun, join(copy, 'link'));
  await refused(recordedRun, join(copy, 'link'), /same run directory/);
  await refused(recordedRun, recordedGate, /A is the run of a suite, B that of a gate/);
  await editRun((record) => Object.assign(record, { status: 'interrupted' }));
  await refused(recordedRun, copy, /B, .* is interrupted: only complete runs/);
});
