import { mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readGateEvidence } from '../analyze/gate-evidence.ts';
import { gateMetrics, gateRounds } from '../analyze/gate-rounds.ts';
import { type ArmBuild, buildArms, drawLetters } from '../build/arm-builds.ts';
import { binaryPath } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools, variantProgram } from '../build/programs.ts';
import { explainReds } from '../gate/explain-reds.ts';
import { judgeGate } from '../gate/judge-gate.ts';
import { allowedCpus } from '../host/cpus.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { readFitness } from '../host/fitness.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { readRevision } from '../host/revision.ts';
import { cacheDir } from '../lib/paths.ts';
import { type GatePlan, makeGatePlan, unitName } from '../plan/gate-plan.ts';
import type { GateContext } from '../run/gate-round.ts';
import { lockMeasuring } from '../run/lock.ts';
import { observeArms } from '../run/observe-arms.ts';
import { placeOn } from '../run/placement.ts';
import { type GateStep, runGate, saveGateRecord } from '../run/run-gate.ts';
import { type ByArm, eachArm } from '../scenario/arm.ts';
import { loadSuite } from '../scenario/load.ts';

// The real fixture in three builds, the last commit against the working tree.

const seed = '7';
let runDir = '';
let plan: GatePlan;
let builds: ByArm<ArmBuild>;
let release: () => void;

beforeAll(async () => {
  runDir = await mkdtemp(join(tmpdir(), 'pollgate-gate-run-'));
  const loaded = (await loadSuite('io_uring')).find(({ id }) => id === 'hello-http');
  const spec = loaded?.scenario.variants['epoll'];
  if (loaded === undefined || spec === undefined) {
    throw new Error('the suite io_uring has hello-http on epoll');
  }
  const windows = { warmupMs: 200, mixedMs: 500, slicedMs: 500 };
  plan = makeGatePlan(loaded, { variant: 'epoll', seed, windows, sliceMs: 20, rounds: 6 });
  const program = variantProgram(loaded, spec);
  const options = { program, base: 'HEAD', letters: drawLetters(seed) };
  ({ builds } = await buildArms(await findGo(), options));
  release = await lockMeasuring();
});
afterAll(async () => {
  release?.();
  await rm(runDir, { recursive: true, force: true });
});

async function contextOf(changes: Partial<GateContext> = {}): Promise<GateContext> {
  return {
    ...{ runDir, runId: 'test', builds, loadgen: binaryPath(tools.loadgen), fixtureArgs: [] },
    recording: undefined,
    placement: placeOn(await allowedCpus()),
    signal: new AbortController().signal,
    listen: () => {},
    ...changes,
  };
}

/** What a run must not leave: copies of this process, and processes of any copy. */
async function left(): Promise<string[]> {
  const gate = join(cacheDir, 'gate');
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const programs = await Promise.all(
    pids.map((pid) => readlink(`/proc/${pid}/exe`).catch(() => '')),
  );
  const folders = (await readdir(gate)).filter((name) => name === `run-${process.pid}`);
  return [...folders, ...programs.filter((exe) => exe.startsWith(`${gate}/run-${process.pid}/`))];
}

test('rounds until no other is wanted, each with fresh copies, and their evidence', async () => {
  const asked: number[] = [];
  const afterRound = async (round: number): Promise<GateStep> => {
    asked.push(round);
    return round === 2 ? 'stop' : 'go-on';
  };
  const unit = unitName(plan);
  const { fitness } = await readFitness();
  const { version } = await findGo();
  await saveGateRecord(runDir, {
    ...{ schema: 1, runId: 'test', command: '', startedAt: '', durationNs: 0, status: 'complete' },
    ...{
      failure: '',
      failureExit: 0,
      version: '0',
      seed,
      hypotheses: Object.keys(plan.limitPercent).length,
    },
    head: await readRevision(),
    base: { revision: builds.base.revision, asked: 'HEAD' },
    fingerprint: await readFingerprint({ goVersion: version, goArch: 'x', serverCpus: 1 }),
    fitness: [{ unit, before: fitness, after: fitness }],
    letters: drawLetters(seed),
    builds: { [unit]: builds },
    plans: [plan],
  });

  expect(await runGate(plan, await contextOf(), { afterRound })).toBe(2);

  expect(asked).toEqual([1, 2]);
  expect(await left()).toEqual([]);
  const { units } = await readGateEvidence(runDir);
  const rounds = units[0]?.rounds ?? [];
  expect(rounds.map(({ record }) => record.order)).toEqual(
    plan.rounds.slice(0, 2).map(({ order }) => order),
  );
  const pids = rounds.flatMap(({ record }) => Object.values(record.servers).map(({ pid }) => pid));
  expect(new Set(pids).size).toBe(6);
  expect(rounds[0]?.load.phases.map(({ name }) => name)).toEqual(['mixed', 'sliced']);
  const values = units[0] && gateRounds(units[0]);
  expect(Object.keys(values ?? {})).toEqual(gateMetrics);
});

test('an interrupt ends the round, and nothing is left', async () => {
  const controller = new AbortController();
  const dir = join(runDir, 'interrupted');
  await mkdir(dir);
  const context = await contextOf({
    runDir: dir,
    signal: controller.signal,
    listen: (event) => {
      if (event.type === 'phase' && event.phase === 'mixed') {
        controller.abort(new Error('told to stop'));
      }
    },
  });
  const run = runGate(plan, context, { afterRound: async () => 'go-on' });
  await expect(run).rejects.toThrow('told to stop');
  expect(await left()).toEqual([]);
  expect(await readdir(join(dir, unitName(plan), 'round-01'))).not.toContain('gate-round.json');
});

test('of a red, base and head are looked at from both views, and what differs is named', async () => {
  const dir = join(runDir, 'why');
  const unit = unitName(plan);
  const context = await contextOf({ runDir: dir, headArgs: ['--knob-spin=100000'] });
  const netprobe = binaryPath(tools.netprobe);
  const access = await findNetprobeAccess(netprobe, context.signal);
  await observeArms(plan, context, { netprobe: access?.command ?? [netprobe], seconds: 5 });
  expect(await left()).toEqual([]);

  const evidence = await readGateEvidence(runDir);
  const red = judgeGate(evidence);
  for (const verdict of red.units.flatMap(({ verdicts }) => verdicts)) {
    verdict.outcome = 'regressed';
  }
  const [explained] = (await explainReds(red, evidence, dir)).units;
  expect(explained?.unexplained).toBeUndefined();
  const spin = explained?.difference?.changes.find(({ kind }) => kind === 'cpu');
  expect(spin?.what).toMatch(/internal\/knob\./);
  expect(spin?.head).toBeGreaterThan(10 * (spin?.base ?? 0));
  // Nobody looked at this one.
  const [unseen] = (await explainReds(red, evidence, join(runDir, 'other'))).units;
  expect(unseen).toMatchObject({ id: unit, verdicts: expect.anything() });
  expect(unseen?.difference).toBeUndefined();
});

test('a flag that a build does not know: its own words', async () => {
  const spec = { ...plan.spec, args: ['--flag-of-tomorrow'] };
  const run = runGate({ ...plan, spec }, await contextOf({ runDir: join(runDir, 'flag') }), {
    afterRound: async () => 'go-on',
  });
  await expect(run).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining('flag-of-tomorrow'),
  });
  expect(await left()).toEqual([]);
});

test('a build that is not what was recorded is not measured', async () => {
  const other = eachArm((arm) => ({ ...builds[arm], sha256: 'f'.repeat(64) }));
  const context = await contextOf({ runDir: join(runDir, 'other'), builds: other });
  await expect(runGate(plan, context, { afterRound: async () => 'go-on' })).rejects.toMatchObject({
    exitCode: 4,
    message: expect.stringContaining('sha256'),
  });
  expect(await left()).toEqual([]);
});
