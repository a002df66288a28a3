import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Evidence, readEvidence } from '../analyze/evidence.ts';
import { baselinePath, formatBaseline } from '../compare/baseline-file.ts';
import { fewestRuns, refusalOf } from '../compare/baseline-refusal.ts';
import { makeBaseline } from '../compare/make-baseline.ts';
import { type ExitCode, exitCode, messageOf, usageError } from '../lib/errors.ts';
import { writeFilesAtomic } from '../lib/fs.ts';
import { prepareAnalysis } from '../pipeline.ts';
import type { RunRecord } from '../run/run-record.ts';

const mostRuns = 10;

export interface AcceptOptions {
  /** Run ids; the newest fitting ones by default. */
  runs?: readonly string[];
  /** Folder of the run directories. */
  reports: string;
  /** Folder of the committed baselines. */
  baselines: string;
}

/**
 * Makes the committed baseline of every scenario of a suite from recorded runs of one revision on
 * one machine. All files are written, or none.
 */
export async function acceptCommand(suite: string, options: AcceptOptions): Promise<ExitCode> {
  await prepareAnalysis();
  const named = options.runs !== undefined;
  const candidates = options.runs ?? (await newestRuns(options.reports, suite));
  const runs: Evidence[] = [];
  for (const id of candidates) {
    const evidence = await readEvidence(join(options.reports, id)).catch((error: unknown) => {
      if (named) {
        throw error;
      }
      console.log(`left out ${id}: ${messageOf(error)}`);
      return undefined;
    });
    const refusal = evidence && refusalOf(evidence, suite, runs[0]);
    if (refusal !== undefined && named) {
      throw usageError(`${id} cannot become a baseline: ${refusal}.`, `npm run bench ${suite}`);
    }
    if (refusal !== undefined) {
      console.log(`left out ${id}: ${refusal}`);
    } else if (evidence !== undefined && runs.length < mostRuns && !holds(runs, evidence)) {
      runs.push(evidence);
    }
  }
  if (runs.length === 0) {
    throw usageError(
      `No run of ${suite} can become a baseline: it must be complete, clean, not degraded, not --quick, of several rounds, and without failed requests.`,
      `git status; npm run bench ${suite}`,
    );
  }
  if (runs.length < fewestRuns) {
    throw usageError(
      `${runs.length} fitting ${runs.length === 1 ? 'run' : 'runs'} of ${suite} cannot become a baseline: how much runs differ takes ${fewestRuns} of one revision on one machine.`,
      `npm run bench ${suite}, ${fewestRuns - runs.length} more on the same commit`,
    );
  }
  await writeBaselines(options.baselines, suite, runs);
  return exitCode.pass;
}

/** A run that is named twice, or was copied, must not count as two: the spread would be none. */
function holds(runs: readonly Evidence[], { record }: Evidence): boolean {
  return runs.some((run) => run.record.runId === record.runId);
}

async function writeBaselines(
  dir: string,
  suite: string,
  runs: readonly Evidence[],
): Promise<void> {
  const [newest] = runs;
  const files = (newest?.record.plans ?? []).map(({ id }) => {
    const scenarios = runs.flatMap(({ scenarios: all }) => all.filter((s) => s.plan.id === id));
    const records = runs.map(({ record }) => record);
    return [
      baselinePath(dir, suite, id),
      formatBaseline(makeBaseline(records, scenarios, acceptedWith(suite, records))),
    ] as const;
  });
  await writeFilesAtomic(files);
  for (const [path] of files) {
    console.log(`wrote ${path} from ${runs.length} runs`);
  }
}

/** The command that makes the same baselines again from the same run directories. */
function acceptedWith(suite: string, records: readonly RunRecord[]): string {
  const ids = records.map(({ runId }) => runId).join(',');
  return `npm run baseline -- accept ${suite} --runs=${ids}`;
}

/** Newest first. */
async function newestRuns(reports: string, suite: string): Promise<string[]> {
  const names = await readdir(reports).catch(() => []);
  return names
    .filter((name) => /^\d{8}T\d{6}Z(\.\d+)?-/.test(name) && name.replace(/^[^-]*-/, '') === suite)
    .sort()
    .reverse();
}
