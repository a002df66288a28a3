import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkJson } from '../lib/json.ts';
import { rootDir, scenariosDir } from '../lib/paths.ts';
import { derive, writeReports } from '../pipeline.ts';
import { Report } from '../report/report.ts';
import { runFiles } from '../run/run-directory.ts';
import {
  BenchProcess,
  bench,
  copyClone,
  makeWorkspace,
  reportOf,
  runDirOf,
  runningPrograms,
  traces,
  type Workspace,
} from './run-bench.ts';

let workspace: Workspace;
let before: Awaited<ReturnType<typeof traces>>;

beforeEach(async () => {
  workspace = await makeWorkspace();
  before = await traces(workspace);
});

// Whatever happened in a test: no process, mount or temporary file may be left.
afterEach(async () => {
  const after = await traces(workspace);
  await workspace.remove();
  expect(after).toEqual(before);
});

test('io_uring --quick runs to a verdict, and its reports can be derived again', async () => {
  const result = await bench(workspace, 'io_uring', '--quick', '--seed=1');

  const report = await reportOf(workspace);
  checkJson(report, Report, { name: 'report.json', remedy: '' });
  // A loaded machine may leave things open, and a verdict may be red; infrastructure may not fail.
  expect([0, 1, 3, 6], result.stderr).toContain(result.code);
  expect(report.status).toBe('complete');
  expect(report.scenarios.map(({ id, finished }) => [id, finished])).toEqual([
    ['block-4k', 2],
    ['hello-http', 2],
  ]);
  expect(result.stdout).toMatch(/compared \d+ of \d+/);
  expect(result.stderr).toContain('round 2 of 2');

  const runDir = await runDirOf(workspace);
  const first = await readReports(runDir);
  await writeReports(runDir, await derive(runDir));
  expect(await readReports(runDir)).toEqual(first);
});

test('fd_leak passes: the leaky twin is found, the correct one is not', async () => {
  const result = await bench(workspace, 'fd_leak', '--quick');
  const report = await reportOf(workspace);
  if (report.lost.some(({ capability }) => capability === 'ebpf')) {
    // Without eBPF nothing can be confirmed, and that must be said.
    expect(result.code).toBe(6);
    expect(report.outcome).toBe('unmeasurable');
    return;
  }
  expect(result.code, result.stdout).toBe(0);
  const states = report.scenarios[0]?.findings.map(({ variant, state }) => [variant, state]);
  expect(states).toEqual([
    ['correct', 'ruled-out'],
    ['leaky', 'confirmed'],
  ]);
  const leaky = report.scenarios[0]?.descriptors.find(({ variant }) => variant === 'leaky');
  // One connection and one file of every 100 requests.
  const requests = leaky?.requests ?? 0;
  expect(leaky?.leaked?.['socket']).toBeGreaterThanOrEqual(Math.floor(requests / 100) - 1);
  expect(leaky?.leaked?.['socket']).toBeLessThanOrEqual(Math.ceil(requests / 100) + 1);
  expect(leaky?.leaked?.['file']).toBe(leaky?.leaked?.['socket']);
});

test('fd_leak fails when the leaky twin does not leak', async () => {
  const scenarios = await copyScenario('fd_leak', 'http-upstream', (text) =>
    text.replace('--leak-every=100', '--leak-every=0'),
  );
  const result = await bench(workspace, 'fd_leak', '--quick', '--scenarios', scenarios);
  const report = await reportOf(workspace);
  const expected = report.degraded ? [6, 'unmeasurable'] : [1, 'expectation-broken'];
  expect([result.code, report.outcome], result.stdout).toEqual(expected);
});

test('a server of the user’s own module is measured without knowing of pollgate', async () => {
  const scenarios = join(rootDir, 'harness', 'test', 'own-server', 'scenarios');
  const result = await bench(workspace, 'own', '--scenarios', scenarios);
  const report = await reportOf(workspace);
  expect(result.code, result.stdout + result.stderr).toBe(0);
  expect(report.outcome).toBe('pass');
  const [scenario] = report.scenarios;
  expect(scenario?.servers[0]?.netpoller).toBe('unknown');
  const p50 = scenario?.measurements.find(({ metric }) => metric === 'latency-p50');
  expect(p50?.summary?.center).toBeGreaterThan(0);
});

test('a broken scenario is refused with file, JSON path, value and what is allowed', async () => {
  const scenarios = await copyScenario('io_uring', 'block-4k', (text) =>
    text.replace('"interleave": "slice"', '"interleave": "sometimes"'),
  );
  const result = await bench(workspace, 'io_uring', '--scenarios', scenarios);
  expect(result.code).toBe(2);
  expect(result.stderr).toContain('block-4k.json is not valid');
  expect(result.stderr).toContain(
    '/load/interleave: "sometimes" seen, allowed: "slice", "request", "run"',
  );
  expectNoStackTrace(result.stderr);
});

test('a server that answers otherwise than the scenario says ends the run before any load', async () => {
  const scenarios = await copyScenario('io_uring', 'hello-http', (text) =>
    text.replace('"expectStatus": 200', '"expectStatus": 204'),
  );
  const args = ['io_uring', '--quick', '--only', 'hello-http', '--scenarios', scenarios];
  const result = await bench(workspace, ...args);
  expect(result.code, result.stderr).toBe(3);
  expect(result.stdout).toContain('A server does not serve the load of the scenario.');
  expect(result.stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /answered with another status than expected; its reply begins with "HTTP\/1\.1 200 OK.*to mend it: .*expectStatus/,
  );
  expectNoStackTrace(result.stdout + result.stderr);
  const report = await reportOf(workspace);
  expect([report.status, report.outcome]).toEqual(['failed', 'invalid']);
});

test('a fixture that is killed ends the run with its name, and what was finished stays', async () => {
  const harness = new BenchProcess(workspace, ['io_uring', '--quick']);
  await harness.until(async () => {
    const runDir = await runDirOf(workspace).catch(() => undefined);
    const rounds = runDir && (await finishedRounds(runDir, 'block-4k'));
    return rounds && rounds > 0 ? true : undefined;
  });
  const victim = await harness.until(async () =>
    (await runningPrograms(workspace)).find(({ name }) => name === 'block-4k.epoll'),
  );
  process.kill(victim.pid, 'SIGKILL');
  const result = await harness.finished;

  expect(result.code, result.stderr).toBe(4);
  expect(result.stdout).toContain('server epoll ended by itself: signal SIGKILL');
  expectNoStackTrace(result.stdout + result.stderr);
  const report = await reportOf(workspace);
  expect([report.status, report.outcome]).toEqual(['failed', 'infra-error']);
  expect(report.scenarios[0]?.finished).toBe(1);
});

test.for([
  ['warm-up', { warmupMs: 30_000, unobservedMs: 500, observedMs: 500 }],
  ['observed window', { warmupMs: 0, unobservedMs: 500, observedMs: 30_000 }],
] as const)('Ctrl-C in the %s, doubled as npm doubles it, ends in order', async ([, windows]) => {
  const scenarios = await copyScenario('io_uring', 'block-4k', (text) =>
    text.replace(/"quick": \{.*\}/, `"quick": ${JSON.stringify({ count: 2, ...windows })}`),
  );
  const harness = new BenchProcess(workspace, ['io_uring', '--quick', '--scenarios', scenarios]);
  await harness.until(async () =>
    (await runningPrograms(workspace)).find(({ name }) => name.startsWith('loadgen')),
  );
  // Long enough for the window to be open, with its profiles under way; far from its end.
  await delay(5_000);
  harness.process.kill('SIGINT');
  harness.process.kill('SIGINT');
  const result = await harness.finished;

  expect(result.code, result.stderr).toBe(130);
  expectNoStackTrace(result.stdout + result.stderr);
  const report = await reportOf(workspace);
  expect([report.status, report.exitCode]).toEqual(['interrupted', 130]);
});

test('while one run measures a second one is told so', async () => {
  const first = new BenchProcess(workspace, ['io_uring', '--quick']);
  await first.until(async () =>
    (await runningPrograms(workspace)).find(({ name }) => name.startsWith('loadgen')),
  );
  const second = await bench(workspace, 'fd_leak', '--quick');
  first.process.kill('SIGINT');
  expect(second.code, second.stderr).toBe(4);
  expect(second.stderr).toContain(`Another run, pid ${first.process.pid}, measures`);
  expectNoStackTrace(second.stderr);
  expect((await first.finished).code).toBe(130);
});

test('reports that are a file are refused', async () => {
  const file = join(workspace.reports, '..', 'file');
  await writeFile(file, '');
  const result = await bench(workspace, 'fd_leak', '--quick', '--reports', file);
  expect(result.code, result.stderr).toBe(2);
  expect(result.stderr).toContain('--reports');
  expectNoStackTrace(result.stderr);
});

test('a terminal that is closed ends the run in order', async () => {
  const harness = new BenchProcess(workspace, ['io_uring', '--quick']);
  await harness.until(async () =>
    (await runningPrograms(workspace)).find(({ name }) => name.startsWith('loadgen')),
  );
  harness.process.stdout?.destroy();
  harness.process.stderr?.destroy();
  harness.process.kill('SIGHUP');
  expect((await harness.finished).code).toBe(143);
  expect((await reportOf(workspace)).status).toBe('interrupted');
});

test('--require names what is missing and exits with 5 before any load', async () => {
  // Under these limits io_uring still works and eBPF does not, whoever runs this.
  const prefix = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'];
  const args = ['fd_leak', '--quick', '--require', 'ebpf'];
  const result = await new BenchProcess(workspace, args, { prefix }).finished;
  expect(result.code, result.stderr).toBe(5);
  expect(result.stderr).toContain('--require ebpf');
  expectNoStackTrace(result.stderr);
});

test('an unprivileged user, in a folder with a space, gets what can be had and is told the rest', async (context) => {
  context.skip(process.getuid?.() !== 0, 'needs root to become another user');
  const nobody = '65534';
  const clone = join(workspace.reports, '..', 'a clone');
  await copyClone(clone);
  await execa('chown', ['-hR', nobody, join(workspace.reports, '..')]);
  await execa('chmod', ['a+rx', join(workspace.reports, '..')]);
  const prefix = ['setpriv', '--reuid', nobody, '--regid', nobody, '--clear-groups'];
  const result = await new BenchProcess(workspace, ['fd_leak', '--quick'], { prefix, clone })
    .finished;

  expect(result.code, result.stdout + result.stderr).toBe(6);
  expectNoStackTrace(result.stdout + result.stderr);
  const report = await reportOf(workspace);
  expect([report.status, report.degraded, report.outcome]).toEqual([
    'complete',
    true,
    'unmeasurable',
  ]);
  expect(report.lost.map(({ capability }) => capability)).toEqual(['ebpf']);
  expect(report.lost[0]?.remedy).not.toBe('');
  // One view alone: the leak is suspected, never confirmed.
  const leaky = report.scenarios[0]?.findings.find(({ variant }) => variant === 'leaky');
  expect(leaky?.state).toBe('suspected');
});

async function readReports(runDir: string): Promise<string[]> {
  const formats = ['json', 'md', 'html'] as const;
  return Promise.all(formats.map((format) => readFile(runFiles.report(runDir, format), 'utf8')));
}

async function finishedRounds(runDir: string, scenario: string): Promise<number> {
  const names = await readdir(join(runDir, scenario)).catch(() => []);
  const files = await Promise.all(
    names.map((name) => readFile(join(runDir, scenario, name, 'round.json')).catch(() => null)),
  );
  return files.filter((file) => file !== null).length;
}

async function copyScenario(
  suite: string,
  id: string,
  change: (text: string) => string,
): Promise<string> {
  const target = join(workspace.reports, '..', 'scenarios');
  await mkdir(target);
  await cp(join(scenariosDir, suite), join(target, suite), { recursive: true });
  const path = join(target, suite, `${id}.json`);
  const text = await readFile(path, 'utf8');
  const changed = change(text);
  expect(changed).not.toBe(text);
  await writeFile(path, changed);
  return target;
}

function expectNoStackTrace(output: string): void {
  expect(output).not.toMatch(/\n\s+at .+:\d+:\d+/);
}
