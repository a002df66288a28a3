import { randomBytes } from 'node:crypto';
import { dirname, relative, resolve } from 'node:path';
import { dataFilePath } from '../build/data-file.ts';
import { binaryPath } from '../build/go-build.ts';
import { scenarioPrograms, tools, variantProgram } from '../build/programs.ts';
import { readBranch } from '../host/branch.ts';
import { allowedCpus } from '../host/cpus.ts';
import { runDoctor } from '../host/doctor.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { type FitnessReading, readFitness } from '../host/fitness.ts';
import type { Check } from '../host/host.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { readSources } from '../host/revision.ts';
import { type ExitCode, exitCode, messageOf, PollgateError, usageError } from '../lib/errors.ts';
import { interruptSignal, orAborted } from '../lib/interrupt.ts';
import { rootDir } from '../lib/paths.ts';
import { capture, type Prepared, prepare, saveRecord } from '../pipeline.ts';
import type { Plan } from '../plan/plan.ts';
import { watchProgress } from '../report/progress.ts';
import type { Listener } from '../run/events.ts';
import { lockMeasuring } from '../run/lock.ts';
import { type Placement, placeOn } from '../run/placement.ts';
import type { RoundContext } from '../run/round-context.ts';
import { makeRunDirectory } from '../run/run-directory.ts';
import type { LostCapture, RunRecord } from '../run/run-record.ts';
import { isMatrixSuite } from '../scenario/load.ts';
import { type BenchOptions, repeatCommand } from './bench-options.ts';
import { matrixCommand } from './matrix.ts';
import { conclude } from './report.ts';
import { requireMachine, requireProfiles } from './requirements.ts';
import { packageVersion } from './version.ts';

/** Runs a suite from its scenarios to its verdict. */
export async function benchCommand(suite: string, options: BenchOptions): Promise<ExitCode> {
  if (await isMatrixSuite(suite, options.scenarios)) {
    return matrixCommand(suite, options);
  }
  refuseMatrixOptions(suite, options);
  const progress = watchProgress(process.stderr);
  let runDir: string;
  try {
    runDir = await run(suite, options, progress.listen);
  } finally {
    progress.stop();
  }
  return conclude(runDir);
}

/** @throws PollgateError (usage) for what only a matrix can do */
function refuseMatrixOptions(suite: string, { full, resume }: BenchOptions): void {
  const seen = full ? '--full' : resume === undefined ? undefined : '--resume';
  if (seen !== undefined) {
    throw usageError(
      `${seen} seen, which is for a matrix; ${suite} is a suite of scenarios.`,
      `npm run bench ${suite}`,
    );
  }
}

/** @returns the run directory, with whatever the run left in it */
async function run(suite: string, options: BenchOptions, listen: Listener): Promise<string> {
  const signal = interruptSignal();
  const startedAt = new Date();
  const begin = process.hrtime.bigint();
  const seed = options.seed ?? randomBytes(8).readBigUInt64BE().toString();
  listen({ type: 'stage', text: 'looking at this machine' });
  const prepared = await orAborted(signal, prepareRun(suite, seed, options, listen));
  requireProfiles(prepared.scenarios, options.require);
  const checks = await orAborted(signal, runDoctor(doctorOptions(prepared)));
  const lost = requireMachine(prepared.scenarios, checks, options.require);
  for (const { what, reason, remedy } of lost) {
    listen({ type: 'stage', text: `degraded: no ${what} (${reason}); ${remedy}` });
  }
  const placement = placeOn(await allowedCpus());
  const release = await lockMeasuring();
  try {
    const fitness = await readFitness();
    const common = { suite, options, seed, startedAt, prepared, checks, lost, placement, fitness };
    const { runDir, record } = await openRecord(common);
    const shared = { prepared, placement, lost, signal, listen };
    await captureInto(runDir, record, resolve(options.baselines), shared).finally(async () => {
      record.durationNs = Number(process.hrtime.bigint() - begin);
      record.fitness.push((await readFitness(fitness)).fitness);
      await saveRecord(runDir, record);
    });
    return runDir;
  } finally {
    release();
  }
}

/** Captures every round; what ends the run early goes into its record. @throws what is a bug */
async function captureInto(
  runDir: string,
  record: RunRecord,
  baselines: string,
  shared: Omit<Shared, 'netprobe'> & { lost: readonly LostCapture[] },
): Promise<void> {
  const { prepared, lost, signal } = shared;
  try {
    await saveRecord(runDir, record);
    const netprobe = await netprobeCommand(lost, signal);
    const contextOf = (plan: Plan) => roundContext(plan, { ...shared, netprobe });
    await capture(prepared.plans, { runDir, baselines }, contextOf);
    signal.throwIfAborted();
    record.status = 'complete';
  } catch (error) {
    record.status = signal.aborted ? 'interrupted' : 'failed';
    record.failure = signal.aborted ? '' : failureWords(error);
    const failure = signal.aborted ? signal.reason : error;
    record.failureExit =
      failure instanceof PollgateError ? failure.exitCode : exitCode.infrastructure;
    if (!signal.aborted && !(error instanceof PollgateError)) {
      throw error;
    }
  }
}

/** The message and what mends it: run.json is all that the reports see of an error. */
function failureWords(error: unknown): string {
  const mend = error instanceof PollgateError ? `\nto mend it: ${error.remedy}` : '';
  return `${messageOf(error)}${mend}`;
}

function prepareRun(
  suite: string,
  seed: string,
  { quick, only, scenarios }: BenchOptions,
  listen: Listener,
): Promise<Prepared> {
  return prepare(suite, {
    seed,
    quick,
    onBuild: (missing) => {
      listen({ type: 'stage', text: `building ${missing} Go programs` });
    },
    ...(scenarios ? { scenariosDir: scenarios } : {}),
    ...(only ? { only } : {}),
  });
}

function doctorOptions({ plans }: Prepared): Parameters<typeof runDoctor>[0] {
  const connections = plans.map(({ scenario: { load, variants } }) => {
    const atOnce = load.interleave === 'run' ? 1 : Object.keys(variants).length;
    return load.connectionsPerVariant * atOnce;
  });
  const margin = 256;
  return {
    netprobe: binaryPath(tools.netprobe),
    ringcheck: binaryPath(tools.ringcheck),
    neededDescriptors: Math.max(...connections) + margin,
    neededPorts: Math.max(...connections) + margin,
  };
}

interface Opening {
  suite: string;
  options: BenchOptions;
  seed: string;
  startedAt: Date;
  prepared: Prepared;
  checks: Check[];
  lost: LostCapture[];
  placement: Placement;
  fitness: FitnessReading;
}

/** The record of a run that begins, and the folder that it has to itself. */
async function openRecord(opening: Opening): Promise<{ runDir: string; record: RunRecord }> {
  const { suite, options, seed, startedAt, prepared, placement } = opening;
  const { go, builds, plans } = prepared;
  const serverCpus = placement.servers.split(',').length;
  const programs = scenarioPrograms(prepared.scenarios);
  const revision = await readSources([...new Set(programs.map(({ moduleDir }) => moduleDir))]);
  // Overrides stand in the scenarios, so their checkout says which branch is meant.
  const branch = await readBranch(dirname(prepared.scenarios[0]?.path ?? rootDir));
  const fingerprint = await readFingerprint({
    goVersion: go.version,
    goArch: go.arch,
    serverCpus,
  });
  const { runId, runDir } = await makeRunDirectory(resolve(options.reports), startedAt, suite);
  const record: RunRecord = {
    schema: 1,
    runId,
    suite,
    command: repeatCommand(suite, seed, options),
    startedAt: startedAt.toISOString(),
    durationNs: 0,
    status: 'running',
    failure: '',
    failureExit: 0,
    version: packageVersion,
    ...revision,
    ...(branch === undefined ? {} : { branch }),
    quick: options.quick,
    seed,
    fingerprint,
    fitness: [opening.fitness.fitness],
    checks: opening.checks,
    lost: opening.lost,
    required: [...options.require],
    builds,
    plans,
  };
  return { runDir, record };
}

/** How netprobe is to be called; undefined where the doctor found that it cannot attach. */
async function netprobeCommand(
  lost: readonly LostCapture[],
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  if (lost.some(({ capability }) => capability === 'ebpf')) {
    return undefined;
  }
  return (await findNetprobeAccess(binaryPath(tools.netprobe), signal))?.command;
}

interface Shared {
  prepared: Prepared;
  placement: Placement;
  netprobe: readonly string[] | undefined;
  signal: AbortSignal;
  listen: Listener;
}

function roundContext(plan: Plan, shared: Shared): RoundContext {
  const { prepared, placement, netprobe, signal, listen } = shared;
  const loaded = prepared.scenarios.find(({ id }) => id === plan.id);
  if (loaded === undefined) {
    throw new Error(`the plan ${plan.id} has no scenario`);
  }
  const builds = Object.entries(plan.scenario.variants).flatMap(([variant, spec]) => {
    const path = relative(rootDir, binaryPath(variantProgram(loaded, spec)));
    const build = prepared.builds.find((candidate) => candidate.path === path);
    return build === undefined ? [] : [[variant, build] as const];
  });
  const { load } = plan.scenario;
  const dataArgs = load.protocol === 'block-4k' ? [`--data=${dataFilePath(load.pages)}`] : [];
  return {
    builds: new Map(builds),
    loadgen: binaryPath(tools.loadgen),
    tracesum: binaryPath(tools.tracesum),
    netprobe,
    fixtureArgs: dataArgs,
    recording: loaded.recording?.path,
    placement,
    signal,
    listen,
  };
}
