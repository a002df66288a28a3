import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { scenariosDir } from '../lib/paths.ts';
import { MatrixDescription } from '../matrix/description.ts';
import { isFinished } from '../matrix/evidence.ts';
import { MatrixReport } from '../matrix/matrix-report.ts';
import { matrixFiles } from '../matrix/record.ts';
import {
  BenchProcess,
  bench,
  makeWorkspace,
  runDirOf,
  traces,
  type Workspace,
} from './run-bench.ts';

let workspace: Workspace;
let before: Awaited<ReturnType<typeof traces>>;
let suites: string;

beforeEach(async () => {
  workspace = await makeWorkspace();
  before = await traces(workspace);
  suites = join(workspace.reports, '..', 'suites');
  await mkdir(join(suites, 'small'), { recursive: true });
  await describe({ connections: [16] });
});

afterEach(async () => {
  const after = await traces(workspace);
  await workspace.remove();
  expect(after).toEqual(before);
});

/** Writes a small matrix: the committed one, with fewer connections and other settings. */
async function describe(change: Partial<MatrixDescription>): Promise<void> {
  const file = join(scenariosDir, 'io_uring_matrix', 'block-4k.matrix.json');
  const whole = JSON.parse(await readFile(file, 'utf8')) as MatrixDescription;
  const { conditions, servers } = whole;
  const names = [whole.reference, whole.control, 'io_uring'];
  const small: MatrixDescription = {
    ...whole,
    servers: Object.fromEntries(
      Object.entries(servers).flatMap(([name, { only: _, ...server }]) =>
        names.includes(name) ? [[name, server]] : [],
      ),
    ),
    conditions: { hot: conditions['hot'] ?? { label: 'hot', pages: 16_384 } },
    pairs: { experiment: { label: 'io_uring ÷ epoll', of: 'io_uring', to: whole.reference } },
    claims: {
      qps: { ...(whole.claims['qps'] as MatrixDescription['claims'][string]), connections: [16] },
    },
    observedRequests: 500,
    ...change,
  };
  checkJson(small, MatrixDescription, { name: 'the small matrix', remedy: '' });
  await writeFile(join(suites, 'small', 'block-4k.matrix.json'), JSON.stringify(small));
}

async function reportIn(runDir: string): Promise<MatrixReport> {
  const report = JSON.parse(await readFile(join(runDir, 'report.json'), 'utf8')) as MatrixReport;
  checkJson(report, MatrixReport, { name: 'report.json', remedy: '' });
  return report;
}

test('an interrupted matrix is resumed: what was finished stays, what is missing is run', async () => {
  const args = ['small', '--quick', '--seed=5', '--scenarios', suites];
  const first = new BenchProcess(workspace, args);
  const runDir = await first.until(() => runDirOf(workspace).catch(() => undefined));
  const round = (n: string) => join(runDir, 'block-4k', 'hot-16', n);
  await first.until(async () => ((await isFinished(round('saturation-01'))) ? true : undefined));
  first.process.kill('SIGINT');
  const interrupted = await first.finished;
  expect(interrupted.code, interrupted.stderr).toBe(130);
  expect(interrupted.stderr).toMatch(/4 rounds of 3 servers, about \d+ min in all/);
  const half = await reportIn(runDir);
  expect([half.outcome, half.exitCode]).toEqual(['interrupted', 130]);
  expect(half.rounds.finished).toBeLessThan(4);
  const kept = await stat(join(round('saturation-01'), matrixFiles.round));

  const resumed = await bench(
    workspace,
    ...args.slice(0, 1),
    '--scenarios',
    suites,
    '--resume',
    runDir,
  );

  // A loaded machine may leave things open; infrastructure may not fail.
  expect([0, 3, 6], resumed.stderr).toContain(resumed.code);
  expect(resumed.stderr).toContain('round 4 of 4');
  expect((await stat(join(round('saturation-01'), matrixFiles.round))).mtimeMs).toBe(kept.mtimeMs);
  const whole = await reportIn(runDir);
  expect(whole.rounds).toEqual({ finished: 4, planned: 4 });
  expect(whole.parts[0]?.cells.map(({ percent }) => percent)).toEqual([null, 50, 75]);
  expect(whole.parts[0]?.claims).toHaveLength(1);
  expect(await readdir(workspace.reports)).toHaveLength(1);
});

test('a run whose description or limits changed is not resumed', async () => {
  const first = new BenchProcess(workspace, ['small', '--quick', '--scenarios', suites]);
  const runDir = await first.until(() => runDirOf(workspace).catch(() => undefined));
  await first.until(() => stat(matrixFiles.record(runDir)).catch(() => undefined));
  first.process.kill('SIGINT');
  await first.finished;
  const limited = await new BenchProcess(
    workspace,
    ['small', '--scenarios', suites, '--resume', runDir],
    { prefix: ['prlimit', '--nofile=900:900'] },
  ).finished;
  expect(limited.code, limited.stderr).toBe(2);
  expect(limited.stderr).toMatch(/the limit of open files \(\d+ \d+ then, 900 900 now\) changed/);
  await describe({ connections: [17] });
  const resumed = await bench(workspace, 'small', '--scenarios', suites, '--resume', runDir);
  expect(resumed.code, resumed.stderr).toBe(2);
  expect(resumed.stderr).toContain('its description changed since it began');
  // Nor is it one of another suite.
  await cp(join(suites, 'small'), join(suites, 'other'), { recursive: true });
  const other = await bench(workspace, 'other', '--scenarios', suites, '--resume', runDir);
  expect(other.code, other.stderr).toBe(2);
  expect(other.stderr).toContain('is a run of small, not of other');
});

test('--full and --resume are for a matrix alone', async () => {
  const result = await bench(workspace, 'fd_leak', '--full');
  expect(result.code, result.stderr).toBe(2);
  expect(result.stderr).toContain('--full seen, which is for a matrix');
});
