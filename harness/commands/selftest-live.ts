import { rm } from 'node:fs/promises';
import { relative } from 'node:path';
import {
  type GateEvidence,
  type GateUnitEvidence,
  phaseOf,
  readGateEvidence,
} from '../analyze/gate-evidence.ts';
import { gateRounds } from '../analyze/gate-rounds.ts';
import { mergeHistograms } from '../analyze/histogram.ts';
import { sha256 } from '../build/hash.ts';
import { judgeGate } from '../gate/judge-gate.ts';
import { allowedCpus } from '../host/cpus.ts';
import { readRevision } from '../host/revision.ts';
import { type ExitCode, exitCode, infrastructureError, usageError } from '../lib/errors.ts';
import { git } from '../lib/git.ts';
import { checkJson, ownValue } from '../lib/json.ts';
import { reportsDir, rootDir } from '../lib/paths.ts';
import { prepareAnalysis } from '../pipeline.ts';
import { unitName } from '../plan/gate-plan.ts';
import { watchProgress } from '../report/progress.ts';
import { type Arm, eachArm, eachMode, type GateMode } from '../scenario/arm.ts';
import { listSuites, loadSuite } from '../scenario/load.ts';
import type { LoadedScenario } from '../scenario/scenario.ts';
import { LiveDecision } from '../selftest/live/decision.ts';
import { fiveDigits } from '../selftest/live/digits.ts';
import { liveFiles, readLive } from '../selftest/live/evidence.ts';
import { ForeignLoad } from '../selftest/live/foreign-load.ts';
import { appendJsonLine } from '../selftest/live/json-lines.ts';
import { type Knob, knobs, type LiveWorld } from '../selftest/live/knobs.ts';
import {
  appendRounds,
  packRounds,
  type RoundValues,
  type RoundWindows,
} from '../selftest/live/recorded-rounds.ts';
import { measureGate } from './gate-run.ts';
import { measureAlone } from './live-alone.ts';

export interface LiveOptions {
  world: LiveWorld;
  /** Name of a knob. */
  knob: string;
  /** No decision begins after so many. */
  minutes?: number;
  /** One, where neither is given. */
  decisions?: number;
}

/**
 * Lets the real gate decide about equal code, again and again, and appends each decision to the
 * committed log. Scenarios take turns, the one with the fewest decisions first. What fails appends
 * nothing; an interrupt keeps the decisions that were made. Of a working tree whose code is not that
 * of a commit decisions are shown alone: nobody could say later what decided.
 * @returns `regressed` where the gate called equal programs unequal
 */
export async function liveSelftest(options: LiveOptions, signal: AbortSignal): Promise<ExitCode> {
  await prepareAnalysis();
  const knob = knobs.find(({ name }) => name === options.knob) as Knob;
  // A log that cannot be read must not be found out about after an hour.
  const { decisions: known } = await readLive();
  const scenarios = await scenariosOf(knob);
  const { revision } = await readRevision();
  const committed = await isCommitted();
  const alone = new Map<LoadedScenario, LiveDecision['alone']>();
  const made = scenarios.map(
    ({ suite, id }) =>
      known.filter(
        ({ world, knob: name, scenario }) =>
          world === options.world && name === knob.name && scenario.startsWith(`${suite}/${id}/`),
      ).length,
  );
  const begin = performance.now();
  let code: ExitCode = exitCode.pass;
  for (let trial = 0; goesOn(options, trial, performance.now() - begin); trial++) {
    signal.throwIfAborted();
    const next = made.indexOf(Math.min(...made));
    const loaded = scenarios[next] as LoadedScenario;
    if (knob.args.length > 0 && !alone.has(loaded)) {
      console.error(`selftest: what ${knob.name} does to ${loaded.id} alone`);
      alone.set(loaded, await measureAlone(loaded, knob.args, { signal, onRun: tellRun }));
    }
    const decided = await decide({ loaded, knob, revision, world: options.world }, signal);
    for (const { decision, rounds } of decided) {
      const effects = alone.get(loaded);
      const line: LiveDecision = { ...decision, ...(effects ? { alone: effects } : {}) };
      checkJson(line, LiveDecision, { name: 'the decision', remedy: 'report this as a bug' });
      if (committed) {
        await append(line, rounds);
      }
      console.log(describe(line));
      code = knob.args.length === 0 && isRed(line) ? exitCode.regressed : code;
    }
    made[next] = (made[next] ?? 0) + 1;
  }
  return code;
}

function isRed({ outcomes }: LiveDecision): boolean {
  return Object.values(outcomes).some(({ outcome }) => outcome === 'regressed');
}

/** The log first: rounds whose decision nobody knows would be worth nothing. */
async function append(line: LiveDecision, rounds: readonly RoundWindows[]): Promise<void> {
  await appendJsonLine(liveFiles.log, line);
  const { date, host, scenario, world, knob } = line;
  if (knob !== 'none') {
    return;
  }
  const packed = packRounds({ date, host, scenario, world }, rounds);
  if (!(await appendRounds(liveFiles.rounds, packed))) {
    console.error('selftest: the folder of recorded rounds is full; these were not kept');
  }
}

/** Whether what measures and decides is what the commit has; the log may grow meanwhile. */
async function isCommitted(): Promise<boolean> {
  const own = [liveFiles.log, liveFiles.rounds].map(
    (path) => `:(exclude)${relative(rootDir, path)}`,
  );
  const paths = ['harness', 'go-fixtures', 'scenarios', ...own];
  const status = await git(rootDir, ['status', '--porcelain', '--', ...paths]);
  if (!status.ok || status.text === '') {
    return status.ok;
  }
  const [first = ''] = status.text.split('\n');
  console.error(
    `selftest: the code is not that of a commit (${first.trim()}, …): decisions are shown, not logged`,
  );
  return false;
}

function goesOn({ minutes, decisions }: LiveOptions, made: number, ms: number): boolean {
  return minutes === undefined ? made < (decisions ?? 1) : ms < 60_000 * minutes;
}

function tellRun(done: number, of: number): void {
  console.error(`selftest: ${done} of ${of} pairs of runs`);
}

async function scenariosOf({ name, scenarios: ids }: Knob): Promise<LoadedScenario[]> {
  const suites = await Promise.all((await listSuites()).map((suite) => loadSuite(suite)));
  const all = suites.flat().filter(({ scenario }) => scenario.gate !== undefined);
  const chosen = all.filter(({ id }) => ids === undefined || ids.includes(id));
  if (chosen.length === 0) {
    throw usageError(
      `No scenario for the knob ${name}: ${ids?.join(', ') ?? 'any'} with a "gate" expected, ${all.map(({ id }) => id).join(', ') || 'none'} seen.`,
      'git checkout -- scenarios',
    );
  }
  return chosen;
}

interface Trial {
  loaded: LoadedScenario;
  knob: Knob;
  /** Of base and head both. */
  revision: string;
  world: LiveWorld;
}

interface Decided {
  decision: LiveDecision;
  rounds: RoundWindows[];
}

/** One run of the gate. Its directory stays only where it tells of something that should not be. */
async function decide(trial: Trial, signal: AbortSignal): Promise<Decided[]> {
  const { loaded, knob, revision, world } = trial;
  const foreign = world === 'foreign' ? await ForeignLoad.start(await allowedCpus()) : undefined;
  const progress = watchProgress(process.stderr);
  let runDir: string;
  try {
    const options = {
      ...{ base: revision, equal: true, only: loaded.id, reports: reportsDir, explain: false },
      ...(knob.args.length === 0 ? {} : { headArgs: knob.args.join(' ') }),
    };
    runDir = await measureGate([loaded.suite], options, progress.listen, signal);
  } finally {
    progress.stop();
    await foreign?.stop();
  }
  const evidence = await readGateEvidence(runDir);
  await refuseUnfinished(runDir, evidence, signal);
  refuseUnequal(evidence);
  const decided = decisionsOf(evidence, trial);
  const wrong = decided.some(({ decision }) => isRed(decision));
  if (wrong && knob.args.length === 0) {
    console.error(
      `selftest: a false red; its evidence stays in ${relative(process.cwd(), runDir)}`,
    );
  } else {
    await rm(runDir, { recursive: true, force: true });
  }
  return decided;
}

async function refuseUnfinished(
  runDir: string,
  { record }: GateEvidence,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) {
    await rm(runDir, { recursive: true, force: true });
    signal.throwIfAborted();
  }
  if (record.status !== 'complete') {
    const [what = '', remedy] = record.failure.split('\nto mend it: ');
    throw infrastructureError(
      `The gate's run ${relative(process.cwd(), runDir)} did not end, and counts for nothing: ${what || record.status}`,
      remedy ?? 'npm run doctor',
    );
  }
}

/** @throws PollgateError (usage) where what was to be equal is not */
function refuseUnequal({ record }: GateEvidence): void {
  for (const [unit, { base, control, head }] of Object.entries(record.builds)) {
    if (base.sha256 !== head.sha256 || base.sha256 !== control.sha256) {
      throw usageError(
        `The programs of ${unit} are not equal: the working tree's differs from that of ${base.revision.slice(0, 12)}.`,
        'git stash, or commit what go-fixtures has changed; then npm run selftest -- --live',
      );
    }
  }
}

function decisionsOf(evidence: GateEvidence, { knob, world, revision }: Trial): Decided[] {
  const { record, units } = evidence;
  const report = judgeGate(evidence);
  return units.map((unit) => {
    const scenario = unitName(unit.plan);
    const verdicts = report.units.find(({ id }) => id === scenario)?.verdicts ?? [];
    const decision: LiveDecision = {
      schema: 1,
      date: record.startedAt.replace(/\.\d+Z$/, 'Z'),
      ...{ revision, world, knob: knob.name },
      host: sha256(JSON.stringify(record.fingerprint)).slice(0, 12),
      scenario,
      rounds: unit.rounds.length,
      steal: fiveDigits(
        record.fitness.find((each) => each.unit === scenario)?.after?.stealRatio ?? 0,
      ),
      outcomes: Object.fromEntries(
        verdicts.map(({ metric, outcome, limitPercent, ratio }) => [
          metric,
          {
            outcome,
            limitPercent,
            ratio: ratio && [ratio.center, ratio.lo, ratio.hi].map(fiveDigits),
          },
        ]),
      ),
    };
    return { decision, rounds: roundsOf(unit) };
  });
}

/** What the rules look at, of every round: nothing where the generator refuses it. */
function roundsOf(unit: GateUnitEvidence): RoundWindows[] {
  const values = gateRounds(unit);
  return unit.rounds.map((round, index): RoundWindows => {
    const read = (mode: GateMode, arm: Arm): RoundValues => {
      const load = ownValue(phaseOf(round, mode)?.arms, arm);
      const latencies = load && mergeHistograms([load.latencyHistogram]);
      const of = (metric: keyof typeof values) => values[metric].rounds[mode][index]?.[arm] ?? null;
      return {
        ...{ p50: of('latency-p50'), p99: of('latency-p99'), cpu: of('cpu-per-request') },
        requests: load?.completed ?? null,
        mean: latencies?.mean ?? null,
        sd: latencies?.stdDeviation ?? null,
      };
    };
    return eachMode((mode) => eachArm((arm) => read(mode, arm)));
  });
}

function describe({ scenario, world, knob, rounds, outcomes }: LiveDecision): string {
  const words = Object.entries(outcomes).map(([metric, { outcome, ratio }]) => {
    const change = ratio === null ? '' : ` ${(100 * ((ratio[0] as number) - 1)).toFixed(1)} %`;
    return `${metric} ${outcome}${change}`;
  });
  return `${scenario}, ${world}, ${knob}, ${rounds} rounds: ${words.join('; ')}`;
}
