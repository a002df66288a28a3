import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadPhase, LoadResult } from '../capture/load-result.ts';
import { invalidDataError, usageError } from '../lib/errors.ts';
import { ownValue, readJson } from '../lib/json.ts';
import { type GatePlan, type PlannedGateRound, unitName } from '../plan/gate-plan.ts';
import { GateRecord, GateRound, gateFiles } from '../run/gate-record.ts';
import { roundFiles } from '../run/run-directory.ts';
import { arms, type ByArm, type GateMode, gateModes } from '../scenario/arm.ts';

export interface GateRoundEvidence {
  record: GateRound;
  load: LoadResult;
}

/** One unit with the rounds that were finished, from the first on. */
export interface GateUnitEvidence {
  plan: GatePlan;
  rounds: GateRoundEvidence[];
}

/** Everything that the folder of a gate's run holds. */
export interface GateEvidence {
  record: GateRecord;
  units: GateUnitEvidence[];
}

const remedy = 'the run directory is damaged; repeat the run';

/**
 * Reads a gate's run. A round that was not finished, the last of its unit, is left out.
 * @throws PollgateError for a folder that is none, a file in it that is not valid, and a round that
 * is missing, or comes from another run, another place or other programs
 */
export async function readGateEvidence(runDir: string): Promise<GateEvidence> {
  if (!(await exists(gateFiles.record(runDir)))) {
    throw usageError(`${runDir} is no run of a gate: it has no gate.json.`, 'ls reports/');
  }
  const record = await readJson(gateFiles.record(runDir), GateRecord, { remedy });
  const names = record.plans.map(unitName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw invalidDataError(`${gateFiles.record(runDir)} plans ${twice} twice.`, remedy);
  }
  refuseOtherFamily(runDir, record);
  const units: GateUnitEvidence[] = [];
  for (const plan of record.plans) {
    units.push(await readUnit(runDir, plan, record));
  }
  return { record, units };
}

/** How the programs shared a window, as the generator wrote it down; undefined for no such window. */
export function phaseOf({ load }: GateRoundEvidence, mode: GateMode): LoadPhase | undefined {
  return load.phases.find(({ name }) => name === mode);
}

async function readUnit(
  runDir: string,
  plan: GatePlan,
  record: GateRecord,
): Promise<GateUnitEvidence> {
  const finished: PlannedGateRound[] = [];
  for (const planned of plan.rounds) {
    if (await exists(join(gateFiles.roundDir(runDir, plan, planned.round), gateFiles.round))) {
      finished.push(planned);
    }
  }
  await refuseGaps(runDir, plan, finished);
  const builds = ownValue(record.builds, unitName(plan));
  if (builds === undefined && finished.length > 0) {
    throw invalidDataError(`gate.json has no builds of ${unitName(plan)}.`, remedy);
  }
  const rounds: GateRoundEvidence[] = [];
  for (const planned of finished) {
    const dir = gateFiles.roundDir(runDir, plan, planned.round);
    const evidence = {
      record: await readJson(join(dir, gateFiles.round), GateRound, { remedy }),
      load: await readJson(join(dir, roundFiles.load), LoadResult, { remedy }),
    };
    refuseForeign(dir, evidence, planned);
    refuseOtherRun(dir, evidence, { plan, record });
    refuseOthers(dir, evidence, builds);
    refuseTorn(dir, evidence);
    rounds.push(evidence);
  }
  return { plan, rounds };
}

/** Why a unit was not run: its base does not have the program. Undefined for those that were. */
export function incomparableWhy({ incomparable }: GateRecord, plan: GatePlan): string | undefined {
  return ownValue(incomparable, unitName(plan));
}

/** The levels of the decisions come from the number of limits: fewer would make each more lenient. */
function refuseOtherFamily(runDir: string, record: GateRecord): void {
  const { hypotheses, plans } = record;
  const compared = plans.filter((plan) => incomparableWhy(record, plan) === undefined);
  const limits = compared.reduce((n, plan) => n + Object.keys(plan.limitPercent).length, 0);
  if (limits !== hypotheses) {
    const what = `${gateFiles.record(runDir)} has ${limits} limits, and was run for ${hypotheses}.`;
    throw invalidDataError(what, remedy);
  }
}

/** The looks count rounds from the first one: what is not there may have been taken out. */
async function refuseGaps(
  runDir: string,
  plan: GatePlan,
  finished: readonly PlannedGateRound[],
): Promise<void> {
  const gap = finished.find(({ round }, index) => round !== index + 1);
  const unit = join(runDir, unitName(plan));
  if (gap !== undefined) {
    const wanted = finished.indexOf(gap) + 1;
    throw invalidDataError(`${unit} has round ${gap.round}, and no round ${wanted}.`, remedy);
  }
  const known = plan.rounds.map(({ round }) => gateFiles.roundDir(runDir, plan, round));
  const folders = await readdir(unit).catch(() => []);
  const stray = folders.find((name) => !known.includes(join(unit, name)));
  if (stray !== undefined) {
    const what = `${join(unit, stray)} is none of the ${known.length} rounds that were planned.`;
    throw invalidDataError(what, remedy);
  }
}

/** A round that was copied from elsewhere would count twice. */
function refuseForeign(
  dir: string,
  { record, load }: GateRoundEvidence,
  planned: PlannedGateRound,
): void {
  const seen = [record.round, load.seed, record.order.join(' ')];
  const wanted = [planned.round, planned.seed, planned.order.join(' ')];
  if (seen.some((value, index) => value !== wanted[index])) {
    const words = ([round, seed, order]: (string | number)[]) =>
      `round ${round} with seed ${seed}, order ${order}`;
    throw invalidDataError(`${dir} holds ${words(seen)}; planned is ${words(wanted)}.`, remedy);
  }
}

/** The same seed makes the same plan, and the best rounds of several runs would make a fine one. */
function refuseOtherRun(
  dir: string,
  { record: round, load }: GateRoundEvidence,
  { plan, record }: { plan: GatePlan; record: GateRecord },
): void {
  if (round.runId !== record.runId) {
    throw invalidDataError(`${dir} is of the run ${round.runId}, not of ${record.runId}.`, remedy);
  }
  for (const mode of gateModes) {
    const phase = phaseOf({ record: round, load }, mode);
    const wanted = plan.windows[`${mode}Ms`];
    const lasted = phase === undefined ? 0 : (phase.endNs - phase.startNs) / 1e6;
    if (phase !== undefined && lasted < wanted) {
      const what = `${dir}: the window ${mode} lasted ${lasted.toFixed(0)} ms, planned were ${wanted} ms.`;
      throw invalidDataError(what, remedy);
    }
  }
}

/** Programs that changed places would turn a regression into an improvement. */
function refuseOthers(
  dir: string,
  { record }: GateRoundEvidence,
  builds: ByArm<{ sha256: string }> | undefined,
): void {
  for (const arm of arms) {
    const [seen, wanted] = [record.servers[arm].sha256, builds?.[arm].sha256];
    if (seen !== wanted) {
      throw invalidDataError(
        `${dir}: ${arm} ran a program with sha256 ${seen.slice(0, 12)}…, built was ${wanted?.slice(0, 12)}….`,
        remedy,
      );
    }
  }
}

const shares = { mixed: 'request', sliced: 'slice' } as const;

function refuseTorn(dir: string, evidence: GateRoundEvidence): void {
  for (const mode of gateModes) {
    const phase = phaseOf(evidence, mode);
    const missing = arms.filter((arm) => ownValue(phase?.arms, arm) === undefined);
    if (missing.length > 0 || evidence.load.interrupted === true) {
      const what = `${dir}: the window ${mode} was not recorded as a whole (${missing.join(', ') || 'interrupted'}).`;
      throw invalidDataError(what, remedy);
    }
    const share = phase?.interleave ?? evidence.load.interleave;
    if (share !== shares[mode]) {
      const what = `${dir}: the window ${mode} has interleave "${share}", expected "${shares[mode]}".`;
      throw invalidDataError(what, remedy);
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
