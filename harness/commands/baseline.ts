import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Evidence, readEvidence, type ScenarioEvidence } from '../analyze/evidence.ts';
import { baselinePath, formatBaseline } from '../compare/baseline-file.ts';
import { designSha256 } from '../compare/design.ts';
import { makeBaseline } from '../compare/make-baseline.ts';
import { sameFingerprint } from '../host/fingerprint.ts';
import { type ExitCode, exitCode, messageOf, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { prepareAnalysis } from '../pipeline.ts';

/** A spread between runs needs two; with three the interval becomes usable. */
const fewestRuns = 1;
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
    } else if (evidence !== undefined && runs.length < mostRuns) {
      runs.push(evidence);
    }
  }
  if (runs.length < fewestRuns) {
    throw usageError(
      `No run of ${suite} can become a baseline: it must be complete, clean, not degraded, not --quick, of several rounds, and without failed requests.`,
      `git status; npm run bench ${suite}`,
    );
  }
  await writeBaselines(options.baselines, suite, runs);
  return exitCode.pass;
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
      formatBaseline(makeBaseline(records, scenarios)),
    ] as const;
  });
  for (const [path, content] of files) {
    await writeFileAtomic(path, content);
    console.log(`wrote ${path} from ${runs.length} run${runs.length === 1 ? '' : 's'}`);
  }
  if (runs.length < 3) {
    const what =
      runs.length === 1
        ? 'cannot tell the spread between runs'
        : 'tell the spread between runs badly';
    console.log(`Times will stay inconclusive: ${runs.length} ${what}; three or more are needed.`);
  }
}

/** Newest first. */
async function newestRuns(reports: string, suite: string): Promise<string[]> {
  const names = await readdir(reports).catch(() => []);
  return names
    .filter((name) => new RegExp(`Z(\\.\\d+)?-${suite}$`).test(name))
    .sort()
    .reverse();
}

/** Why a run cannot become part of a baseline; undefined if it can. */
function refusalOf(
  evidence: Evidence,
  suite: string,
  newest: Evidence | undefined,
): string | undefined {
  const { record, scenarios } = evidence;
  const differing = newest
    ? sameFingerprint(newest.record.fingerprint, record.fingerprint)
    : sameFingerprint(record.fingerprint, record.fingerprint);
  const rules: [broken: boolean, why: string][] = [
    [record.suite !== suite, `it is a run of ${record.suite}`],
    [record.status !== 'complete', `it is ${record.status}`],
    [record.dirty, 'the tree had uncommitted changes'],
    [record.quick, 'it is a --quick run'],
    [record.lost.length > 0, `it is degraded: no ${record.lost[0]?.what}`],
    [scenarios.some(lostInRounds), 'a round lost a capture'],
    [scenarios.some(({ plan }) => plan.rounds.length < 2), 'it has a single round'],
    [scenarios.some(({ plan, rounds }) => rounds.length < plan.rounds.length), 'it lacks a round'],
    [
      newest !== undefined && designs(newest) !== designs(evidence),
      'its scenarios are not the same',
    ],
    [
      // The binaries tell apart what the revision cannot: a server in a repository of its own.
      newest !== undefined && binaries(newest) !== binaries(evidence),
      'its servers are other binaries than those of the newest run',
    ],
    [
      newest !== undefined && newest.record.revision !== record.revision,
      'it is of another revision than the newest run',
    ],
    [differing.length > 0, `its machine is not the same or not known (${differing.join(', ')})`],
  ];
  return rules.find(([broken]) => broken)?.[1];
}

function designs({ scenarios }: Evidence): string {
  return scenarios.map(({ plan }) => `${plan.id} ${designSha256(plan)}`).join();
}

function binaries({ record }: Evidence): string {
  return record.builds.map(({ name, sha256 }) => `${name} ${sha256}`).join();
}

function lostInRounds({ rounds }: ScenarioEvidence): boolean {
  return rounds.some(({ record }) => Object.keys(record.missing).length > 0);
}
