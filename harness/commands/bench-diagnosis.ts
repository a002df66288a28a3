import { readdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { readObservation } from '../analyze/observation.ts';
import { binaryPath, buildPrograms, fixturesModule, type Program } from '../build/go-build.ts';
import { findGo, type GoToolchain } from '../build/go-toolchain.ts';
import { tools } from '../build/programs.ts';
import { sumTrace } from '../capture/diag/trace.ts';
import { rankCauses } from '../diagnose/root-causes.ts';
import { renderTrial } from '../diagnosis-trial/render.ts';
import { TrialRecord, trialFiles } from '../diagnosis-trial/result.ts';
import { runTrial } from '../diagnosis-trial/run-trial.ts';
import { type Outcome, outcomeOf, scoreOf } from '../diagnosis-trial/score.ts';
import { listSubjects } from '../diagnosis-trial/subjects.ts';
import { allowedCpus } from '../host/cpus.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { type ExitCode, exitCode, PollgateError, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { formatJson, readJson } from '../lib/json.ts';
import { lockMeasuring } from '../run/lock.ts';
import { makeRunDirectory, runFiles } from '../run/run-directory.ts';
import type { BenchOptions } from './bench-options.ts';

/** The suite's name: no folder of scenarios, since its servers are told apart by their fault alone. */
export const diagnosisSuite = 'diagnosis';

export interface DiagnosisTrialOptions extends BenchOptions {
  /** A neighbour takes one CPU throughout. */
  noise?: boolean;
}

const faulty: Program = {
  name: 'faulty',
  moduleDir: fixturesModule,
  package: './cmd/faulty',
  netpoller: 'epoll',
};
const seconds = 10;

/** Diagnoses servers whose root cause is known, and correct ones, and counts what was right. */
export async function benchDiagnosisCommand(options: DiagnosisTrialOptions): Promise<ExitCode> {
  const signal = interruptSignal();
  const go = await findGo();
  const { builds } = await buildPrograms(
    go,
    [faulty, tools.loadgen, tools.netprobe, tools.tracesum],
    (missing) => console.error(`building ${missing} Go programs`),
  );
  const build = builds.find(({ name }) => name === faulty.name);
  if (build === undefined) {
    throw new Error('faulty was not built');
  }
  const cpus = await allowedCpus();
  const { record, dir } = await openTrial(options, { go, cpus });
  const release = await lockMeasuring();
  try {
    const netprobe = binaryPath(tools.netprobe);
    const access = await findNetprobeAccess(netprobe, signal);
    await runTrial({
      ...{ record, dir, faulty: build, signal, cpus },
      ...{ loadgen: binaryPath(tools.loadgen), netprobe: access?.command ?? [netprobe] },
      onStart: announce(),
    });
  } catch (error) {
    if (!(error instanceof PollgateError) || error.exitCode !== exitCode.interrupted) {
      throw error;
    }
    console.error(`\ninterrupted; to go on: ${record.command} --resume ${relative('.', dir)}`);
    await concludeTrial(dir);
    return exitCode.interrupted;
  } finally {
    release();
  }
  return concludeTrial(dir);
}

/** A line for each diagnosis, with what is left by the pace so far. */
function announce(): (done: number, all: number, name: string) => void {
  const begin = performance.now();
  let first: number | undefined;
  return (done, all, name) => {
    first ??= done;
    const each = (performance.now() - begin) / Math.max(1, done - first);
    const left =
      done > first ? `, about ${Math.ceil((each * (all - done)) / 60_000)} min left` : '';
    console.error(`${done + 1} of ${all}: ${name}${left}`);
  };
}

async function openTrial(
  options: DiagnosisTrialOptions,
  { go, cpus }: { go: GoToolchain; cpus: readonly number[] },
): Promise<{ record: TrialRecord; dir: string }> {
  if (options.resume !== undefined) {
    const dir = resolve(options.resume);
    const remedy = `expected a directory of npm run bench ${diagnosisSuite}`;
    return { record: await readJson(trialFiles.record(dir), TrialRecord, { remedy }), dir };
  }
  const only = options.only?.split(' ');
  const { subjects, skipped, known } = await listSubjects(
    binaryPath(faulty),
    { cpus: cpus.length, cpuQuota: false },
    only,
  );
  const unknown = only?.find((name) => !known.includes(name));
  if (unknown !== undefined || subjects.length === 0) {
    throw usageError(
      `--only: ${JSON.stringify(unknown ?? options.only)} seen, allowed: ${known.join(' ')}.`,
      `npm run bench ${diagnosisSuite} -- --only ${known[0]}`,
    );
  }
  const startedAt = new Date();
  const { runId, runDir } = await makeRunDirectory(
    resolve(options.reports),
    startedAt,
    diagnosisSuite,
  );
  const record: TrialRecord = {
    schema: 1,
    runId,
    command: [
      `npm run bench ${diagnosisSuite} --`,
      ...(options.quick ? ['--quick'] : []),
      ...(options.noise ? ['--noise'] : []),
      ...(options.only === undefined ? [] : ['--only', JSON.stringify(options.only)]),
    ].join(' '),
    startedAt: startedAt.toISOString(),
    fingerprint: await readFingerprint({
      goVersion: go.version,
      goArch: go.arch,
      serverCpus: cpus.length,
    }),
    noise: options.noise ?? false,
    repeats: options.quick ? 1 : 3,
    seconds,
    subjects,
    skipped,
  };
  await writeFileAtomic(trialFiles.record(runDir), formatJson(record));
  return { record, dir: runDir };
}

/** Derives the table of a trial's directory anew, prints it and writes report.md. */
export async function concludeTrial(dir: string): Promise<ExitCode> {
  const remedy = `expected a directory of npm run bench ${diagnosisSuite}`;
  const record = await readJson(trialFiles.record(dir), TrialRecord, { remedy });
  const there = new Set(await readdir(dir));
  const outcomes: Outcome[] = [];
  for (const subject of record.subjects) {
    for (let repeat = 1; repeat <= record.repeats; repeat++) {
      const own = trialFiles.diagnosis(dir, subject.id, repeat);
      if (there.has(`${subject.id}.${repeat}`) && (await readdir(own)).includes('diag.json')) {
        await sumTrace(own);
        outcomes.push(
          outcomeOf(subject, repeat, rankCauses(await readObservation(own), subject.id)),
        );
      }
    }
  }
  const score = scoreOf(outcomes);
  const text = renderTrial(record, outcomes, score);
  await writeFileAtomic(runFiles.report(dir, 'md'), text);
  process.stdout.write(`${text}\n${relative(process.cwd(), join(dir, 'report.md'))}\n`);
  const all = record.subjects.length * record.repeats;
  const clean =
    score.wrongConfirmed === 0 &&
    score.quietTwins === score.twins &&
    score.topThree === score.pairs &&
    score.topOne >= 0.98 * score.faults;
  return outcomes.length < all ? exitCode.undecided : clean ? exitCode.pass : exitCode.regressed;
}
