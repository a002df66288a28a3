import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { readGateEvidence } from '../analyze/gate-evidence.ts';
import { type ArmBuild, buildArms, drawLetters } from '../build/arm-builds.ts';
import { dataFilePath, makeDataFiles } from '../build/data-file.ts';
import { binaryPath, buildPrograms } from '../build/go-build.ts';
import { findGo, findGoRelease, type GoToolchain } from '../build/go-toolchain.ts';
import { scenarioPrograms, tools, variantProgram } from '../build/programs.ts';
import { lookLevels, mostRounds, sliceMs, windowsMs } from '../gate/design.ts';
import { isRedUnit } from '../gate/explain-reds.ts';
import { goesOn } from '../gate/family.ts';
import { judgeGate, unitRounds } from '../gate/judge-gate.ts';
import { allowedCpus } from '../host/cpus.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { readFitness } from '../host/fitness.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { exitCode, messageOf, PollgateError, usageError } from '../lib/errors.ts';
import { interruptSignal, orAborted } from '../lib/interrupt.ts';
import { checkJson } from '../lib/json.ts';
import { scenariosDir } from '../lib/paths.ts';
import { type GatePlan, makeGatePlan, unitName } from '../plan/gate-plan.ts';
import type { Listener } from '../run/events.ts';
import { GateRecord } from '../run/gate-record.ts';
import type { GateContext } from '../run/gate-round.ts';
import { lockMeasuring } from '../run/lock.ts';
import { observeArms } from '../run/observe-arms.ts';
import { type Placement, placeOn } from '../run/placement.ts';
import { makeRunDirectory } from '../run/run-directory.ts';
import { runGate, saveGateRecord } from '../run/run-gate.ts';
import type { ByArm } from '../scenario/arm.ts';
import { listSuites, loadSuite } from '../scenario/load.ts';
import type { LoadedScenario } from '../scenario/scenario.ts';
import { quoted } from './bench-options.ts';
import { baseRecord, findBases, type UnitBase } from './gate-base.ts';
import { refuseHeadArgs, splitArgs } from './head-args.ts';
import { loosenedLimits } from './loosened-limits.ts';
import { packageVersion } from './version.ts';

export interface GateOptions {
  /** Revision that the head is held against: where the head left it; or `baseline` or `release`. */
  base: string;
  /** Release of Go that base and control are built with, or `recorded`; the head's by default. */
  baseGo?: string;
  /** Folder of the committed baselines; the clone's own by default. */
  baselines?: string;
  /** Decimal uint64; a random one by default. */
  seed?: string;
  /** Whether base and head of a red are looked at from both views, which takes half a minute each. */
  explain: boolean;
  /** Whether head and base may be the same: a trial of the gate itself. */
  equal: boolean;
  /** Id of the one scenario to run. */
  only?: string;
  /** Arguments that the head alone is started with, apart by blanks: a trial of the gate with a known change. */
  headArgs?: string;
  /** Folder of the suites; the clone's own by default. */
  scenarios?: string;
  /** Folder that receives the run directory. */
  reports: string;
}

/** One variant of one scenario, with what it takes to run it. */
interface Unit {
  loaded: LoadedScenario;
  plan: GatePlan;
  base: UnitBase;
  builds: ByArm<ArmBuild>;
}

/** What a gate has to do with its variants: those that it runs, and those that have no base. */
interface Units {
  plans: GatePlan[];
  compared: Unit[];
  /** By unit: why its base cannot be built. */
  incomparable: Record<string, string>;
}

/**
 * Builds and measures what a gate compares, until every limit is decided.
 * @returns the run directory; how the run ended stands in its record
 */
export async function measureGate(
  suites: readonly string[],
  options: GateOptions,
  listen: Listener,
  signal: AbortSignal = interruptSignal(),
): Promise<string> {
  const startedAt = new Date();
  const begin = process.hrtime.bigint();
  const seed = options.seed ?? randomBytes(8).readBigUInt64BE().toString();
  const headArgs = splitArgs(options.headArgs ?? '');
  const scenarios = await gatedScenarios(suites, options);
  refuseHeadArgs(headArgs, scenarios);
  const baseOf = await findBases(scenarios, options);
  const go = await findGo();
  const letters = drawLetters(seed);
  const placement = placeOn(await allowedCpus());
  // Before anything is built: a run that measures must not be disturbed by that, nor lose its binaries.
  const release = await lockMeasuring();
  try {
    await orAborted(signal, buildTools(go, scenarios, listen));
    const {
      plans,
      compared: units,
      incomparable,
    } = await orAborted(
      signal,
      makeUnits(go, scenarios, { baseOf, baseGo: options.baseGo, letters, seed, listen }),
    );
    const { head, base } = revisionsOf(units, options);
    listen({
      type: 'stage',
      text: `base ${base.slice(0, 12)}, head ${head.revision.slice(0, 12)}${head.dirty ? ' with uncommitted changes' : ''}`,
    });
    const loosened = await loosenedLimits(
      resolve(options.scenarios ?? scenariosDir),
      units.map(({ builds }) => builds.base.revision),
    );
    const { runId, runDir } = await makeRunDirectory(resolve(options.reports), startedAt, 'gate');
    const record: GateRecord = {
      schema: 1,
      runId,
      command: repeatGate(suites, { seed, base: repeatableBase(units, options) }, options),
      startedAt: startedAt.toISOString(),
      durationNs: 0,
      status: 'running',
      failure: '',
      failureExit: 0,
      version: packageVersion,
      head,
      base: {
        revision: base,
        asked: options.base,
        ...baseRecord(units.map((unit) => unit.base)),
        ...(loosened.length > 0 ? { loosened } : {}),
      },
      seed,
      fingerprint: await readFingerprint({
        goVersion: go.version,
        goArch: go.arch,
        serverCpus: placement.servers.split(',').length,
      }),
      fitness: [],
      letters,
      ...(headArgs.length === 0 ? {} : { headArgs }),
      builds: Object.fromEntries(units.map(({ plan, builds }) => [unitName(plan), builds])),
      plans,
      ...(units.length === plans.length ? {} : { incomparable }),
      hypotheses: units.reduce((n, { plan }) => n + Object.keys(plan.limitPercent).length, 0),
    };
    const { explain } = options;
    await measure(runDir, record, units, { explain, placement, signal, listen }).finally(
      async () => {
        record.durationNs = Number(process.hrtime.bigint() - begin);
        await saveGateRecord(runDir, record);
      },
    );
    return runDir;
  } finally {
    release();
  }
}

/**
 * What is compared with what. Programs of several repositories have several revisions; the first one's
 * stand in the record's head, all of them beside their builds.
 * @throws PollgateError (usage) where every head is its base: such a green would say nothing
 */
function revisionsOf(
  units: readonly Unit[],
  { base, equal, headArgs = '' }: GateOptions,
): { head: GateRecord['head']; base: string } {
  const all = units.map(({ builds }) => builds);
  const [first] = all;
  if (first === undefined) {
    throw new Error('a gate without a unit');
  }
  const same = all.every(
    ({ head, base: own }) =>
      !head.dirty && head.revision === own.revision && head.goVersion === own.goVersion,
  );
  if (same && !equal && splitArgs(headArgs).length === 0) {
    throw usageError(
      `The head is the base: both are ${first.base.revision.slice(0, 12)}, and nothing is uncommitted.`,
      `name an earlier base than ${base}, or compare equal code on purpose with --equal`,
    );
  }
  const dirty = all.some((builds) => builds.head.dirty);
  return { head: { revision: first.head.revision, dirty }, base: first.base.revision };
}

interface Shared {
  explain: boolean;
  placement: Placement;
  signal: AbortSignal;
  listen: Listener;
}

/** Runs every unit; what ends the run early goes into its record. @throws what is a bug */
async function measure(
  runDir: string,
  record: GateRecord,
  units: readonly Unit[],
  shared: Shared,
): Promise<void> {
  try {
    // What cannot be read back must be known before anything is measured.
    checkJson(record, GateRecord, { name: 'gate.json', remedy: 'report this as a bug' });
    await saveGateRecord(runDir, record);
    for (const unit of units) {
      const before = await readFitness();
      const name = unitName(unit.plan);
      await measureUnit(runDir, record, unit, shared);
      const after = (await readFitness(before)).fitness;
      record.fitness.push({ unit: name, before: before.fitness, after });
    }
    record.status = 'complete';
    // The verdict stands, whatever becomes of the looking.
    await saveGateRecord(runDir, record);
    if (shared.explain) {
      await observeReds(runDir, record, units, shared);
    }
  } catch (error) {
    const { signal } = shared;
    record.status = signal.aborted ? 'interrupted' : 'failed';
    const mend = error instanceof PollgateError ? `\nto mend it: ${error.remedy}` : '';
    record.failure = signal.aborted ? '' : `${messageOf(error)}${mend}`;
    const failure = signal.aborted ? signal.reason : error;
    record.failureExit =
      failure instanceof PollgateError ? failure.exitCode : exitCode.infrastructure;
    if (!signal.aborted && !(error instanceof PollgateError)) {
      throw error;
    }
  }
}

/** Rounds of one unit until its limits are decided, or the last look has been. */
async function measureUnit(
  runDir: string,
  record: GateRecord,
  unit: Unit,
  shared: Shared,
): Promise<void> {
  const { plan } = unit;
  const levels = lookLevels(record.hypotheses);
  const isLook = (round: number) => levels.some(({ rounds }) => rounds === round);
  await runGate(plan, contextOf(runDir, record, unit, shared), {
    afterRound: async (round) => {
      if (!isLook(round)) {
        return 'go-on';
      }
      // What is judged is what is on disk: a repeated derivation sees the same.
      const { units } = await readGateEvidence(runDir);
      const seen = units.find((each) => unitName(each.plan) === unitName(plan));
      return seen && goesOn(unitRounds(seen), levels) ? 'go-on' : 'stop';
    },
  });
}

function contextOf(
  runDir: string,
  record: GateRecord,
  { loaded, plan, builds }: Unit,
  { placement, signal, listen }: Shared,
): GateContext {
  return {
    runDir,
    runId: record.runId,
    builds,
    loadgen: binaryPath(tools.loadgen),
    fixtureArgs:
      plan.load.protocol === 'block-4k' ? [`--data=${dataFilePath(plan.load.pages)}`] : [],
    recording: loaded.recording?.path,
    headArgs: record.headArgs ?? [],
    ...{ placement, signal, listen },
  };
}

/** Why is it red? Looks at both programs of each red, when all that is judged has been measured. */
async function observeReds(
  runDir: string,
  record: GateRecord,
  units: readonly Unit[],
  shared: Shared,
): Promise<void> {
  const report = judgeGate(await readGateEvidence(runDir));
  const red = new Set(report.units.filter(isRedUnit).map(({ id }) => id));
  for (const unit of units.filter(({ plan }) => red.has(unitName(plan)))) {
    const name = unitName(unit.plan);
    shared.listen({
      type: 'stage',
      text: `${name} is red: looking at base and head from both views`,
    });
    try {
      const netprobe = binaryPath(tools.netprobe);
      const found = await findNetprobeAccess(netprobe, shared.signal);
      await observeArms(unit.plan, contextOf(runDir, record, unit, shared), {
        netprobe: found?.command ?? [netprobe],
      });
    } catch (error) {
      record.unexplained = {
        ...record.unexplained,
        [name]: shared.signal.aborted ? 'interrupted' : messageOf(error),
      };
    }
  }
}

/** The scenarios of the named suites that belong to the gate; of all suites where none is named. */
async function gatedScenarios(
  suites: readonly string[],
  { scenarios: dir, only, base }: GateOptions,
): Promise<LoadedScenario[]> {
  const named = suites.length > 0 ? [...new Set(suites)] : await listSuites(dir);
  const all = (await Promise.all(named.map((suite) => loadSuite(suite, dir)))).flat();
  const gated = all.filter(({ scenario }) => scenario.gate !== undefined);
  const chosen = gated.filter(({ id }) => only === undefined || id === only);
  if (chosen.length === 0) {
    const ids = gated.map(({ suite, id }) => `${suite}/${id}`).join(', ') || 'none';
    throw usageError(
      `No scenario of ${named.join(', ')}${only === undefined ? '' : ` named ${JSON.stringify(only)}`} has a "gate"; those that do: ${ids}.`,
      `give a scenario "gate": { "limitPercent": { "latency-p50": 3 } }, then: npm run gate -- --base ${base}`,
    );
  }
  const idle = suites.find((name) => !chosen.some(({ suite }) => suite === name));
  if (idle !== undefined) {
    throw usageError(
      `The suite ${idle} was named, and none of its scenarios${only === undefined ? '' : ` named ${JSON.stringify(only)}`} has a "gate".`,
      `leave ${idle} out, or give a scenario of it "gate": { "limitPercent": { "latency-p50": 3 } }`,
    );
  }
  return chosen;
}

async function buildTools(
  go: GoToolchain,
  scenarios: readonly LoadedScenario[],
  listen: Listener,
): Promise<void> {
  // The fixture of block-4k also makes its data file.
  const own = [tools.loadgen, tools.netprobe, tools.tracesum];
  await buildPrograms(go, [...own, ...scenarioPrograms(scenarios)], (missing) => {
    listen({ type: 'stage', text: `building ${missing} Go programs` });
  });
  await makeDataFiles(scenarios);
}

interface UnitOptions {
  baseOf: Awaited<ReturnType<typeof findBases>>;
  baseGo: string | undefined;
  letters: ReturnType<typeof drawLetters>;
  seed: string;
  listen: Listener;
}

async function makeUnits(
  go: GoToolchain,
  scenarios: readonly LoadedScenario[],
  { baseOf, baseGo, letters, seed, listen }: UnitOptions,
): Promise<Units> {
  const plans: GatePlan[] = [];
  const compared: Unit[] = [];
  const incomparable: Record<string, string> = {};
  let lastMissing: PollgateError | undefined;
  for (const loaded of scenarios) {
    const { gate, reference, variants } = loaded.scenario;
    for (const variant of gate?.variants ?? [reference]) {
      const plan = makeGatePlan(loaded, {
        variant,
        seed,
        windows: {
          warmupMs: windowsMs.warmup,
          mixedMs: windowsMs.mixed,
          slicedMs: windowsMs.sliced,
        },
        sliceMs,
        rounds: mostRounds,
      });
      const spec = variants[variant];
      if (spec === undefined) {
        throw new Error(`${loaded.id} has no variant ${variant}`);
      }
      listen({ type: 'stage', text: `building base and head of ${unitName(plan)}` });
      const base = baseOf(spec);
      plans.push(plan);
      try {
        const { builds } = await buildArms(go, {
          program: variantProgram(loaded, spec),
          base: base.revision,
          baseGo: await toolchainOf(go, base, baseGo),
          letters,
        });
        compared.push({ loaded, plan, base, builds });
      } catch (error) {
        if (!(error instanceof PollgateError) || error.exitCode !== exitCode.undecided) {
          throw error;
        }
        incomparable[unitName(plan)] = `${error.message} To mend it: ${error.remedy}`;
        lastMissing = error;
      }
    }
  }
  // What is new in part is told beside the rest; nothing but new is no comparison at all.
  if (compared.length === 0 && lastMissing !== undefined) {
    throw lastMissing;
  }
  return { plans, compared, incomparable };
}

/**
 * What a base is built with.
 * @throws PollgateError (usage) where `recorded` was asked for and no baseline was
 */
async function toolchainOf(
  go: GoToolchain,
  { recordedGo }: UnitBase,
  asked: string | undefined,
): Promise<GoToolchain> {
  if (asked === undefined) {
    return go;
  }
  if (asked === 'recorded' && recordedGo === undefined) {
    throw usageError(
      '--base-go recorded is the Go that a baseline was recorded with, and no baseline was asked for.',
      'npm run gate -- --base baseline --base-go recorded, or name a release: --base-go go1.26.7',
    );
  }
  return findGoRelease(go, asked === 'recorded' ? (recordedGo as string) : asked);
}

/** The commit where all units have the same, so that a repeated run has it too; else as it was asked for. */
function repeatableBase(units: readonly Unit[], { base }: GateOptions): string {
  const [first, ...others] = new Set(units.map(({ builds }) => builds.base.revision));
  return first !== undefined && others.length === 0 ? first : base;
}

/** The command that repeats a run, as a shell takes it. */
function repeatGate(
  suites: readonly string[],
  { seed, base }: { seed: string; base: string },
  options: GateOptions,
): string {
  const words = [
    ...suites,
    `--base=${base}`,
    ...(options.baseGo === undefined ? [] : [`--base-go=${options.baseGo}`]),
    ...(options.equal ? ['--equal'] : []),
    ...(options.headArgs === undefined ? [] : [`--head-args=${options.headArgs}`]),
    ...(options.only === undefined ? [] : [`--only=${options.only}`]),
    ...(options.scenarios === undefined ? [] : [`--scenarios=${options.scenarios}`]),
    ...(options.baselines === undefined || base !== options.base
      ? []
      : [`--baselines=${options.baselines}`]),
    `--seed=${seed}`,
  ];
  return ['npm run gate', '--', ...words].map(quoted).join(' ');
}
