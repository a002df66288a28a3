import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { dataFilePath } from '../build/data-file.ts';
import { binaryPath } from '../build/go-build.ts';
import { tools, variantProgram } from '../build/programs.ts';
import { lostCapabilities, runDoctor } from '../host/doctor.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { type FitnessReading, readFitness } from '../host/fitness.ts';
import type { Check } from '../host/host.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { readRevision } from '../host/revision.ts';
import { type ExitCode, exitCode, messageOf, PollgateError } from '../lib/errors.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { rootDir } from '../lib/paths.ts';
import { capture, derive, type Prepared, prepare, saveRecord, writeReports } from '../pipeline.ts';
import type { Plan } from '../plan/plan.ts';
import { watchProgress } from '../report/progress.ts';
import type { Listener } from '../run/events.ts';
import { allowedCpus, type Placement, placeOn } from '../run/placement.ts';
import type { RoundContext } from '../run/round-context.ts';
import { makeRunId } from '../run/run-directory.ts';
import type { LostCapture, RunRecord } from '../run/run-record.ts';
import { printReport } from './report.ts';
import { packageVersion } from './version.ts';

export interface BenchOptions {
  quick: boolean;
  /** Decimal uint64; a random one by default. */
  seed?: string;
  /** Capabilities without which the run must not start. */
  require: readonly string[];
  /** Folder of the suites; the clone's own by default. */
  scenarios?: string;
  /** Folder that receives the run directory. */
  reports: string;
  /** Folder of the committed baselines. */
  baselines: string;
}

/** Runs a suite from its scenarios to its verdict. */
export async function benchCommand(suite: string, options: BenchOptions): Promise<ExitCode> {
  const signal = interruptSignal();
  const startedAt = new Date();
  const begin = process.hrtime.bigint();
  const seed = options.seed ?? randomBytes(8).readBigUInt64BE().toString();
  const progress = watchProgress(process.stderr);
  progress.listen({ type: 'stage', text: 'looking at this machine' });
  const prepared = await prepare(suite, {
    seed,
    quick: options.quick,
    onBuild: (missing) => {
      progress.listen({ type: 'stage', text: `building ${missing} Go programs` });
    },
    ...(options.scenarios ? { scenariosDir: options.scenarios } : {}),
  });
  const checks = await runDoctor(doctorOptions(prepared));
  const lost = lostCapabilities(checks);
  refuseWithoutRequired(lost, options.require);
  for (const { what, reason, remedy } of lost) {
    progress.listen({ type: 'stage', text: `degraded: no ${what} (${reason}); ${remedy}` });
  }

  const placement = placeOn(await allowedCpus());
  const fitness = await readFitness();
  const record = await openRecord({
    suite,
    options,
    seed,
    startedAt,
    prepared,
    checks,
    lost,
    placement,
    fitness,
  });
  const runDir = resolve(options.reports, record.runId);
  await mkdir(runDir, { recursive: true });
  await saveRecord(runDir, record);
  try {
    const netprobe = await netprobeCommand(lost, signal);
    const shared = { prepared, placement, netprobe, signal, listen: progress.listen };
    const folders = { runDir, baselines: resolve(options.baselines) };
    await capture(prepared.plans, folders, (plan) => roundContext(plan, shared));
    record.status = 'complete';
  } catch (error) {
    record.status = signal.aborted ? 'interrupted' : 'failed';
    record.failure = signal.aborted ? '' : messageOf(error);
    const failure = signal.aborted ? signal.reason : error;
    record.failureExit =
      failure instanceof PollgateError ? failure.exitCode : exitCode.infrastructure;
    if (!signal.aborted && !(error instanceof PollgateError)) {
      throw error;
    }
  } finally {
    progress.stop();
    record.durationNs = Number(process.hrtime.bigint() - begin);
    record.fitness.push((await readFitness(fitness)).fitness);
    await saveRecord(runDir, record);
  }
  return conclude(runDir);
}

/** Derives the report, writes it and prints it. */
async function conclude(runDir: string): Promise<ExitCode> {
  const report = await derive(runDir);
  await writeReports(runDir, report);
  printReport(runDir, report);
  return report.exitCode as ExitCode;
}

function doctorOptions({ plans }: Prepared): Parameters<typeof runDoctor>[0] {
  const connections = plans.map(
    ({ scenario }) => scenario.load.connectionsPerVariant * Object.keys(scenario.variants).length,
  );
  const margin = 256;
  return {
    netprobe: binaryPath(tools.netprobe),
    ringcheck: binaryPath(tools.ringcheck),
    neededDescriptors: Math.max(...connections) + margin,
    neededPorts: Math.max(...connections) + margin,
  };
}

function refuseWithoutRequired(lost: readonly LostCapture[], required: readonly string[]): void {
  const missing = lost.find(({ capability }) => required.includes(capability));
  if (missing !== undefined) {
    throw new PollgateError(
      `--require ${missing.capability}: ${missing.reason}; lost without it: ${missing.what}.`,
      { exitCode: exitCode.missingCapability, remedy: missing.remedy },
    );
  }
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

async function openRecord(opening: Opening): Promise<RunRecord> {
  const { suite, options, seed, startedAt, prepared, placement } = opening;
  const { go, builds, plans } = prepared;
  const serverCpus = placement.servers.split(',').length;
  const flags = [options.quick ? '--quick' : '', `--seed=${seed}`].filter(Boolean).join(' ');
  return {
    schema: 1,
    runId: makeRunId(startedAt, suite),
    suite,
    command: `npm run bench ${suite} -- ${flags}`,
    startedAt: startedAt.toISOString(),
    durationNs: 0,
    status: 'running',
    failure: '',
    failureExit: 0,
    version: packageVersion,
    ...(await readRevision()),
    quick: options.quick,
    seed,
    fingerprint: await readFingerprint({ goVersion: go.version, goArch: go.arch, serverCpus }),
    fitness: [opening.fitness.fitness],
    checks: opening.checks,
    lost: opening.lost,
    required: [...options.require],
    builds,
    plans,
  };
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
    placement,
    signal,
    listen,
  };
}
