import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { LoadResult } from '../capture/load-result.ts';
import { NetprobeResult, type ProbeTarget } from '../capture/netprobe-result.ts';
import { invalidDataError } from '../lib/errors.ts';
import { ownValue, readJson } from '../lib/json.ts';
import { roundFiles } from '../run/run-directory.ts';
import { type MatrixGroup, type PlannedTurns, type Stage, stages } from './plan.ts';
import { MatrixRecord, matrixFiles, type Turn, TurnsRecord } from './record.ts';

/** A turn that came to its end. */
export interface TurnEvidence {
  record: Turn;
  load: LoadResult;
  /** Null where no probe looked. */
  probe: ProbeTarget | null;
}

export interface RoundEvidence {
  record: TurnsRecord;
  /** By server; those that failed are in the record alone. */
  turns: Map<string, TurnEvidence>;
}

/** Rounds of one group, those that were finished, in order. */
export interface GroupEvidence {
  group: MatrixGroup;
  saturation: RoundEvidence[];
  open: RoundEvidence[];
}

export interface MatrixEvidence {
  record: MatrixRecord;
  groups: GroupEvidence[];
}

const remedy = 'the run directory is damaged; repeat the run';

/** Reads matrix.json. @throws PollgateError for a folder that has none, or another one's */
export function readMatrixRecord(runDir: string): Promise<MatrixRecord> {
  return readJson(matrixFiles.record(runDir), MatrixRecord, { remedy });
}

/**
 * Reads a run directory; rounds without their record, which comes last, were not finished and are left out.
 * @throws PollgateError (invalid data) for what is damaged or of another run
 */
export async function readMatrixEvidence(runDir: string): Promise<MatrixEvidence> {
  const record = await readMatrixRecord(runDir);
  const groups: GroupEvidence[] = [];
  for (const group of record.plans.flatMap((plan) => plan.groups)) {
    const [saturation, open] = await Promise.all(
      stages.map((stage) => readStage(runDir, record, { group, stage })),
    );
    groups.push({ group, saturation: saturation ?? [], open: open ?? [] });
  }
  return { record, groups };
}

/** The finished rounds of one stage of a group. */
export async function readStage(
  runDir: string,
  { runId }: Pick<MatrixRecord, 'runId'>,
  { group, stage }: { group: MatrixGroup; stage: Stage },
): Promise<RoundEvidence[]> {
  const rounds: RoundEvidence[] = [];
  for (const planned of group[stage]) {
    const dir = matrixFiles.roundDir(runDir, group, stage, planned.round);
    if (await isFinished(dir)) {
      rounds.push(await readRound(dir, planned, runId));
    }
  }
  return rounds;
}

/** Whether the round in this folder came to its end. */
export function isFinished(dir: string): Promise<boolean> {
  return access(join(dir, matrixFiles.round)).then(
    () => true,
    () => false,
  );
}

async function readRound(
  dir: string,
  planned: PlannedTurns,
  runId: string,
): Promise<RoundEvidence> {
  const record = await readJson(join(dir, matrixFiles.round), TurnsRecord, { remedy });
  const seen = [record.runId, record.round, record.seed].join(' ');
  const wanted = [runId, planned.round, planned.seed].join(' ');
  if (seen !== wanted) {
    throw invalidDataError(
      `${dir} is of ${seen} (run, round, seed), planned is ${wanted}.`,
      remedy,
    );
  }
  const turns = new Map<string, TurnEvidence>();
  for (const name of record.order) {
    const turn = ownValue(record.turns, name);
    if (turn !== undefined && 'server' in turn) {
      turns.set(name, await readTurn(join(dir, name), name, turn));
    }
  }
  return { record, turns };
}

async function readTurn(dir: string, name: string, record: Turn): Promise<TurnEvidence> {
  const load = await readJson(join(dir, roundFiles.load), LoadResult, { remedy });
  for (const window of Object.keys(record.windows)) {
    const phase = load.phases.find((each) => each.name === window);
    if (ownValue(phase?.arms, name) === undefined || load.interrupted === true) {
      throw invalidDataError(`${dir}: the window ${window} was not recorded as a whole.`, remedy);
    }
  }
  const path = join(dir, roundFiles.netprobe);
  const probed = await access(path).then(
    () => true,
    () => false,
  );
  if (!probed || Object.hasOwn(record.missing, roundFiles.netprobe)) {
    return { record, load, probe: null };
  }
  const { targets } = await readJson(path, NetprobeResult, { remedy });
  return { record, load, probe: ownValue(targets, name) ?? null };
}
