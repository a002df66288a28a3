import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type LoadPhase, LoadResult } from '../capture/load-result.ts';
import { NetprobeResult } from '../capture/netprobe-result.ts';
import { TraceSummary } from '../capture/trace-summary.ts';
import { invalidDataError, usageError } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import type { Plan, PlannedRound } from '../plan/plan.ts';
import { roundFiles, runFiles } from '../run/run-directory.ts';
import { ClosedLoop, RoundRecord, RunRecord } from '../run/run-record.ts';

/** The captures of one finished round. What could not be captured is null or left out. */
export interface RoundEvidence {
  record: RoundRecord;
  load: LoadResult;
  netprobe: NetprobeResult | null;
  /** By variant; gzipped protobuf as the server sent it. */
  cpuProfiles: Record<string, Uint8Array>;
  goroutineProfiles: Record<string, Uint8Array>;
  traces: Record<string, TraceSummary>;
}

/** What both clients saw of one variant in closed loop. */
export type ClosedLoopEvidence = ClosedLoop['variants'][string] & { generator: LoadPhase };

export interface ScenarioEvidence {
  plan: Plan;
  rounds: RoundEvidence[];
  /** By variant; null where the scenario asks for none, or the run did not come to it. */
  closedLoop: Record<string, ClosedLoopEvidence> | null;
}

/** Everything that a run directory holds: all that the stages after the captures may read. */
export interface Evidence {
  record: RunRecord;
  scenarios: ScenarioEvidence[];
}

const remedy = 'the run directory is damaged; repeat the run';

/** @throws PollgateError for a folder that is no run directory, or a file in it that is not valid */
export async function readEvidence(runDir: string): Promise<Evidence> {
  if (!(await exists(runFiles.record(runDir)))) {
    throw usageError(`${runDir} is not a run directory: it has no run.json.`, 'ls reports/');
  }
  const record = await readJson(runFiles.record(runDir), RunRecord, { remedy });
  const scenarios = await Promise.all(record.plans.map((plan) => readScenario(runDir, plan)));
  return { record, scenarios };
}

async function readScenario(runDir: string, plan: Plan): Promise<ScenarioEvidence> {
  const rounds: RoundEvidence[] = [];
  for (const planned of plan.rounds) {
    const dir = runFiles.roundDir(runDir, plan.id, planned.round);
    if (await exists(join(dir, roundFiles.record))) {
      const evidence = await readRound(dir, Object.keys(plan.scenario.variants));
      refuseForeignRound(dir, evidence, planned);
      rounds.push(evidence);
    }
  }
  return { plan, rounds, closedLoop: await readClosedLoop(runDir, plan.id) };
}

async function readClosedLoop(runDir: string, id: string): Promise<ScenarioEvidence['closedLoop']> {
  const record = await readIfThere(runFiles.closedLoop(runDir, id), ClosedLoop);
  if (record === null) {
    return null;
  }
  const pairs = await Promise.all(
    Object.entries(record.variants).map(async ([variant, captured]) => {
      const path = join(runFiles.closedLoopDir(runDir, id, variant), roundFiles.load);
      const [generator] = (await readJson(path, LoadResult, { remedy })).phases;
      if (generator === undefined) {
        throw invalidDataError(`${path} has no phase, expected one.`, remedy);
      }
      return [variant, { ...captured, generator }] as const;
    }),
  );
  return Object.assign(Object.create(null), Object.fromEntries(pairs));
}

/** A round that was copied from elsewhere would count twice. */
function refuseForeignRound(dir: string, { record, load }: RoundEvidence, planned: PlannedRound) {
  if (record.round !== planned.round || load.seed !== planned.seed) {
    throw invalidDataError(
      `${dir} holds round ${record.round} with seed ${load.seed}, planned are round ${planned.round} and seed ${planned.seed}.`,
      remedy,
    );
  }
}

async function readRound(dir: string, variants: readonly string[]): Promise<RoundEvidence> {
  const byVariant = async <T>(
    file: (variant: string) => string,
    read: (path: string) => Promise<T>,
  ) => {
    const pairs = await Promise.all(
      variants.map(async (variant) => {
        const path = join(dir, file(variant));
        return (await exists(path)) ? [[variant, await read(path)] as const] : [];
      }),
    );
    return Object.assign(Object.create(null), Object.fromEntries(pairs.flat()));
  };
  return {
    record: await readJson(join(dir, roundFiles.record), RoundRecord, { remedy }),
    load: await readJson(join(dir, roundFiles.load), LoadResult, { remedy }),
    netprobe: await readIfThere(join(dir, roundFiles.netprobe), NetprobeResult),
    cpuProfiles: await byVariant(roundFiles.cpuProfile, (path) => readFile(path)),
    goroutineProfiles: await byVariant(roundFiles.goroutineProfile, (path) => readFile(path)),
    traces: await byVariant(roundFiles.traceSummary, (path) =>
      readJson(path, TraceSummary, { remedy }),
    ),
  };
}

async function readIfThere<T extends Parameters<typeof readJson>[1]>(path: string, schema: T) {
  return (await exists(path)) ? await readJson(path, schema, { remedy }) : null;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
