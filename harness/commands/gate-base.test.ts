import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, test as plain } from 'vitest';
import { baselinePath, formatBaseline } from '../compare/baseline-file.ts';
import { makeBaseline } from '../compare/make-baseline.ts';
import { temporaryDir } from '../host/testing/temporary-dir.ts';
import type { LoadedScenario, Scenario } from '../scenario/scenario.ts';
import { makeRecord, makeRuns, makeScenario } from '../test/evidence.ts';
import { baseRecord, findBases } from './gate-base.ts';

const test = plain.extend<{ dir: string }>({ dir: temporaryDir });

const server = { package: { moduleDir: '..', path: '.' }, args: [] };
// The base is found from the module's place alone; whether it can start is not asked here.
const scenario = makeScenario({
  variants: { server, other: { ...server } } as unknown as Scenario['variants'],
  reference: 'server',
});

/** A project with one commit, one scenario, and the baseline that was recorded from the commit. */
async function project(dir: string): Promise<{
  loaded: LoadedScenario;
  baselines: string;
  revision: string;
  git: (...args: string[]) => Promise<string>;
  record: (changes?: object) => Promise<void>;
}> {
  const git = async (...args: string[]) => {
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org'];
    return (await execa('git', [...identity, ...args], { cwd: dir })).stdout;
  };
  await git('init', '--quiet', '--initial-branch=main');
  await git('commit', '--quiet', '--allow-empty', '-m', 'one');
  const revision = await git('rev-parse', 'HEAD');
  await mkdir(join(dir, 'scenarios'));
  const baselines = join(dir, 'baselines');
  const path = join(dir, 'scenarios', 'hello-http.json');
  const loaded = { suite: 'io_uring', id: 'hello-http', path, scenario } as LoadedScenario;
  const records = [1, 2, 3].map((n) => makeRecord({ runId: `run-${n}`, revision }));
  const baseline = makeBaseline(records, makeRuns(3));
  const record = async (changes: object = {}) => {
    const file = baselinePath(baselines, 'io_uring', 'hello-http');
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, formatBaseline({ ...baseline, ...changes }));
  };
  return { loaded, baselines, revision, git, record };
}

const spec = scenario.variants['server'];

function baseOf(found: Awaited<ReturnType<typeof findBases>>) {
  if (spec === undefined) {
    throw new Error('the scenario has a server');
  }
  return found(spec);
}

test('a revision of the user’s is handed on as it is', async ({ dir }) => {
  const { loaded } = await project(dir);
  const found = await findBases([loaded], { base: 'refs/heads/baseline' });
  expect(baseOf(found)).toEqual({ revision: 'refs/heads/baseline' });
});

test('baseline: the recorded commit, with the Go of that time', async ({ dir }) => {
  const { loaded, baselines, revision, record } = await project(dir);
  // A design of earlier does not matter where both are measured anew.
  await record({ designSha256: '0'.repeat(64) });
  const base = baseOf(await findBases([loaded], { base: 'baseline', baselines }));
  expect(base).toEqual({ revision, recordedGo: 'go1.26.8' });
  expect(baseRecord([base, { revision, recordedGo: 'go1.26.7' }, base])).toEqual({
    recordedGo: ['go1.26.7', 'go1.26.8'],
  });
});

test('release: the last tag', async ({ dir }) => {
  const { loaded, revision, git } = await project(dir);
  await git('tag', 'v1');
  await git('commit', '--quiet', '--allow-empty', '-m', 'after the release');
  const base = baseOf(await findBases([loaded], { base: 'release' }));
  expect(base).toEqual({ revision, release: 'v1' });
  expect(baseRecord([base])).toEqual({ release: 'v1' });
  expect(baseRecord([{ revision }])).toEqual({});
});

test('no baseline, one of another scenario, and a corrupt one: each its own words', async ({
  dir,
}) => {
  const { loaded, baselines, record } = await project(dir);
  const find = () => findBases([loaded], { base: 'baseline', baselines });
  await expect(find()).rejects.toMatchObject({
    exitCode: 6,
    message: expect.stringContaining('io_uring/hello-http has no baseline'),
  });
  await record({ scenario: 'block-4k' });
  await expect(find()).rejects.toMatchObject({
    exitCode: 6,
    message: expect.stringContaining('is the baseline of io_uring/block-4k, not of'),
  });
  await writeFile(baselinePath(baselines, 'io_uring', 'hello-http'), '{');
  await expect(find()).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('is not JSON'),
  });
});
