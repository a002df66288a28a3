import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { makeDataFile } from '../build/data-file.ts';
import type { FixtureBuild } from '../build/fixture-build.ts';
import { binaryPath, buildPrograms, fixturesModule } from '../build/go-build.ts';
import { findGo, type GoToolchain } from '../build/go-toolchain.ts';
import { hashFile } from '../build/hash.ts';
import { tools } from '../build/programs.ts';
import { allowedCpus } from '../host/cpus.ts';
import { runDoctor } from '../host/doctor.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { type FitnessReading, readFitness } from '../host/fitness.ts';
import type { Check } from '../host/host.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { readSources } from '../host/revision.ts';
import { type ExitCode, exitCode, messageOf, PollgateError, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal, orAborted } from '../lib/interrupt.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { reportsDir } from '../lib/paths.ts';
import { findUntestable } from '../matrix/availability.ts';
import type { LoadedMatrix } from '../matrix/description.ts';
import { readMatrixEvidence, readMatrixRecord } from '../matrix/evidence.ts';
import { judgeMatrix } from '../matrix/judge.ts';
import { loadMatrices } from '../matrix/load-description.ts';
import { MatrixReport } from '../matrix/matrix-report.ts';
import { type MatrixPlan, makeMatrixPlan } from '../matrix/plan.ts';
import { matrixPrograms, readBuilds } from '../matrix/programs.ts';
import { MatrixRecord, matrixFiles } from '../matrix/record.ts';
import { renderMatrixText } from '../matrix/render/console.ts';
import { renderMatrixHtml } from '../matrix/render/html.ts';
import { renderMatrixMarkdown } from '../matrix/render/markdown.ts';
import { runMatrix } from '../matrix/run-matrix.ts';
import { canRun, expectedMs, stepsOf } from '../matrix/steps.ts';
import { watchProgress } from '../report/progress.ts';
import type { Listener } from '../run/events.ts';
import { lockMeasuring } from '../run/lock.ts';
import { placeOn } from '../run/placement.ts';
import { makeRunDirectory, runFiles } from '../run/run-directory.ts';
import { type BenchOptions, quoted } from './bench-options.ts';
import { refuseLost, stopWithout } from './requirements.ts';
import { packageVersion } from './version.ts';

/** An hour of rounds is not to go without probes because one answer was late. */
const doctorLimitMs = 10_000;

/** Runs a matrix, or what is left of one, from its description to its report. */
export async function matrixCommand(suite: string, options: BenchOptions): Promise<ExitCode> {
  const progress = watchProgress(process.stderr);
  let runDir: string;
  try {
    runDir = await measure(suite, options, progress.listen);
  } finally {
    progress.stop();
  }
  return concludeMatrixRun(runDir);
}

/** Derives the reports of a matrix's run directory anew and prints its verdicts. */
export async function concludeMatrixRun(runDir: string): Promise<ExitCode> {
  const report = judgeMatrix(await readMatrixEvidence(runDir));
  checkJson(report, MatrixReport, { name: 'the report', remedy: 'report this as a bug' });
  process.stdout.write(renderMatrixText(report));
  await writeFileAtomic(runFiles.report(runDir, 'json'), formatJson(report));
  await writeFileAtomic(runFiles.report(runDir, 'md'), renderMatrixMarkdown(report));
  await writeFileAtomic(runFiles.report(runDir, 'html'), renderMatrixHtml(report));
  process.stdout.write(`\n${relative(process.cwd(), runDir) || '.'}/report.html\n`);
  return report.exitCode as ExitCode;
}

/** @returns the run directory, with whatever the run left in it */
async function measure(suite: string, options: BenchOptions, listen: Listener): Promise<string> {
  const signal = interruptSignal();
  const startedAt = new Date();
  const earlier =
    options.resume === undefined ? undefined : await readResumable(suite, options.resume);
  const wanted = earlier ?? {
    seed: options.seed ?? randomBytes(8).readBigUInt64BE().toString(),
    ...{ quick: options.quick, full: options.full ?? false },
  };
  const only = earlier === undefined ? options.only : onlyPlan(earlier);
  const matrices = await loadMatrices(suite, { dir: options.scenarios, only });
  const plans = matrices.map((matrix) => makeMatrixPlan(matrix, wanted));
  const release = await lockMeasuring();
  try {
    const go = await findGo();
    const checks = await orAborted(signal, prepare(go, matrices, options, listen));
    const fitness = await readFitness();
    const common = { suite, options, wanted, startedAt, plans, go, checks, fitness };
    const { runDir, record } =
      earlier === undefined
        ? await openRecord(common)
        : await reopen(resolve(options.resume ?? ''), earlier, common);
    for (const { description } of plans) {
      for (const { pages } of Object.values(description.conditions)) {
        if (pages !== undefined) {
          await orAborted(signal, makeDataFile(pages));
        }
      }
    }
    await runInto(runDir, record, { signal, listen, fitness });
    return runDir;
  } finally {
    release();
  }
}

/** A run has all matrices of its suite, or one. */
function onlyPlan({ plans }: MatrixRecord): string | undefined {
  return plans.length === 1 ? plans[0]?.id : undefined;
}

/** Builds what is missing and looks at the machine. @throws where a required capability is lost */
async function prepare(
  go: GoToolchain,
  matrices: readonly LoadedMatrix[],
  { require }: BenchOptions,
  listen: Listener,
): Promise<Check[]> {
  listen({ type: 'stage', text: 'looking at this machine' });
  // The fixture of block-4k also makes the data files.
  const needed = [...matrixPrograms(matrices), ...Object.values(tools)];
  await buildPrograms(go, needed, (missing) =>
    listen({ type: 'stage', text: `building ${missing} Go programs` }),
  );
  const checks = await runDoctor({
    netprobe: binaryPath(tools.netprobe),
    ringcheck: binaryPath(tools.ringcheck),
    timeLimitMs: doctorLimitMs,
  });
  refuseLost(checks, require);
  stopWithout(checks, ['go', 'git', 'util-linux']);
  return checks;
}

interface Opening {
  suite: string;
  options: BenchOptions;
  wanted: Pick<MatrixRecord, 'seed' | 'quick' | 'full'>;
  startedAt: Date;
  plans: MatrixPlan[];
  go: GoToolchain;
  checks: Check[];
  fitness: FitnessReading;
}

async function openRecord(opening: Opening): Promise<{ runDir: string; record: MatrixRecord }> {
  const { suite, options, wanted, startedAt, plans, go, checks } = opening;
  const placement = placeOn(await allowedCpus());
  const limits = {
    files: await readFile('/proc/self/limits', 'utf8'),
    ports: await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'),
  };
  const lost = checks.find(({ id, state }) => id === 'ebpf' && state !== 'ok');
  const facts = {
    builds: await readBuilds(go, plans),
    fingerprint: await fingerprintOf(go, placement.servers),
    ...(await readSources([fixturesModule])),
  };
  const { runId, runDir } = await makeRunDirectory(resolve(options.reports), startedAt, suite);
  const record: MatrixRecord = {
    schema: 1,
    runId,
    suite,
    command: repeatMatrix(suite, options, wanted),
    startedAt: startedAt.toISOString(),
    durationNs: 0,
    resumed: 0,
    status: 'running',
    failure: '',
    failureExit: 0,
    version: packageVersion,
    ...facts,
    instruments: await readInstruments(),
    ...wanted,
    fitness: [opening.fitness.fitness],
    ...{ checks, placement, plans },
    untestable: findUntestable(plans, checks, limits),
    unprobed: lost === undefined ? null : { reason: lost.seen, remedy: lost.remedy },
  };
  // What cannot be read back must be known before anything is measured.
  checkJson(record, MatrixRecord, { name: 'matrix.json', remedy: 'report this as a bug' });
  return { runDir, record };
}

async function readInstruments(): Promise<NonNullable<MatrixRecord['instruments']>> {
  const programs = [tools.loadgen, tools.netprobe];
  const hashes = await Promise.all(
    programs.map(async (tool) => [tool.name, await hashFile(binaryPath(tool))] as const),
  );
  const limits = await readFile('/proc/self/limits', 'utf8');
  return {
    programs: Object.fromEntries(hashes),
    cpus: (await allowedCpus()).join(','),
    openFiles: /^Max open files\s+(\S+)\s+(\S+)/m.exec(limits)?.slice(1, 3).join(' ') ?? '',
  };
}

function fingerprintOf(go: GoToolchain, servers: string): Promise<MatrixRecord['fingerprint']> {
  const serverCpus = servers.split(',').length;
  return readFingerprint({ goVersion: go.version, goArch: go.arch, serverCpus });
}

/** @throws PollgateError (usage) for a run that cannot be gone on with */
async function readResumable(suite: string, directory: string): Promise<MatrixRecord> {
  const record = await readMatrixRecord(resolve(directory));
  if (record.suite !== suite) {
    throw usageError(
      `${directory} is a run of ${record.suite}, not of ${suite}.`,
      `npm run bench ${record.suite} -- --resume ${directory}`,
    );
  }
  return record;
}

/** The record of a run that goes on. @throws where plan, programs or machine are others by now */
async function reopen(
  runDir: string,
  record: MatrixRecord,
  { plans, go, startedAt, fitness }: Opening,
): Promise<{ runDir: string; record: MatrixRecord }> {
  const builds = await readBuilds(go, plans);
  const fingerprint = await fingerprintOf(go, record.placement.servers);
  const instruments = await readInstruments();
  const before = record.instruments ?? instruments;
  const hashes = (all: Record<string, FixtureBuild>) =>
    Object.fromEntries(Object.entries(all).map(([name, { sha256 }]) => [name, sha256]));
  const others = [
    ...(same(record.plans, plans) ? [] : ['its description']),
    ...(same(hashes(record.builds), hashes(builds)) ? [] : ['its programs']),
    ...(same(record.fingerprint, fingerprint) ? [] : ['the machine']),
    ...(same(before.programs, instruments.programs) ? [] : ['the generator or netprobe']),
    ...(before.cpus === instruments.cpus
      ? []
      : [`the CPUs allowed (${before.cpus} seen then, ${instruments.cpus} now)`]),
    ...(before.openFiles === instruments.openFiles
      ? []
      : [`the limit of open files (${before.openFiles} then, ${instruments.openFiles} now)`]),
  ];
  if (others.length > 0) {
    throw usageError(
      `${runDir} cannot be resumed at ${startedAt.toISOString()}: ${others.join(' and ')} changed since it began.`,
      `npm run bench ${record.suite}`,
    );
  }
  record.resumed += 1;
  record.status = 'running';
  record.failure = '';
  record.failureExit = 0;
  record.fitness.push(fitness.fitness);
  return { runDir, record };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Runs what is left; what ends the run early goes into its record. @throws what is a bug */
async function runInto(
  runDir: string,
  record: MatrixRecord,
  { signal, listen, fitness }: { signal: AbortSignal; listen: Listener; fitness: FitnessReading },
): Promise<void> {
  const begin = process.hrtime.bigint();
  const before = record.durationNs;
  const save = () => writeFileAtomic(matrixFiles.record(runDir), formatJson(record));
  try {
    await save();
    tellBeforehand(record, listen);
    const access =
      record.unprobed === null
        ? await findNetprobeAccess(binaryPath(tools.netprobe), signal)
        : undefined;
    await runMatrix(record, {
      ...{ runDir, signal, listen },
      loadgen: binaryPath(tools.loadgen),
      netprobe: access?.command,
    });
    signal.throwIfAborted();
    record.status = 'complete';
  } catch (error) {
    record.status = signal.aborted ? 'interrupted' : 'failed';
    const mend = error instanceof PollgateError ? `\nto mend it: ${error.remedy}` : '';
    record.failure = signal.aborted ? '' : `${messageOf(error)}${mend}`;
    const failure = signal.aborted ? signal.reason : error;
    record.failureExit =
      failure instanceof PollgateError ? failure.exitCode : exitCode.infrastructure;
    if (!signal.aborted && !(error instanceof PollgateError)) {
      throw error;
    }
  } finally {
    record.durationNs = before + Number(process.hrtime.bigint() - begin);
    record.fitness.push((await readFitness(fitness)).fitness);
    await save();
  }
}

/** What whoever waits wants to know first: how long, and what is left out. */
function tellBeforehand(record: MatrixRecord, listen: Listener): void {
  const { untestable, unprobed, plans } = record;
  for (const [what, { reason, remedy }] of Object.entries(untestable)) {
    listen({ type: 'stage', text: `not testable here: ${what}: ${reason}; ${remedy}` });
  }
  if (unprobed !== null) {
    listen({ type: 'stage', text: `no probes: ${unprobed.reason}; ${unprobed.remedy}` });
  }
  const steps = stepsOf(record);
  const servers = plans.flatMap(({ id, description }) =>
    Object.keys(description.servers).filter((name) => canRun(record, id, name)),
  );
  const minutes = Math.ceil(expectedMs(record, steps) / 60_000);
  listen({
    type: 'stage',
    text: `${steps.length} rounds of ${servers.length} servers, about ${minutes} min in all`,
  });
}

/** The command that repeats a run. */
function repeatMatrix(
  suite: string,
  { only, scenarios, reports }: BenchOptions,
  { seed, quick, full }: Opening['wanted'],
): string {
  const words = [
    quick ? '--quick' : '',
    full ? '--full' : '',
    `--seed=${seed}`,
    only ? `--only=${only}` : '',
    scenarios ? `--scenarios=${scenarios}` : '',
    reports === reportsDir ? '' : `--reports=${reports}`,
  ];
  return ['npm run bench', suite, '--', ...words.filter(Boolean)].map(quoted).join(' ');
}
