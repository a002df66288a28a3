import { access, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readEvidence } from '../analyze/evidence.ts';
import { readGateEvidence } from '../analyze/gate-evidence.ts';
import { compareRuns } from '../compare/compare-runs.ts';
import { judgeGate } from '../gate/judge-gate.ts';
import { type ExitCode, exitCode, usageError } from '../lib/errors.ts';
import { prepareAnalysis } from '../pipeline.ts';
import { renderGatesCompared, renderRunsCompared } from '../report/render/compare.ts';
import { gateFiles } from '../run/gate-record.ts';
import { runFiles } from '../run/run-directory.ts';

const remedy = 'name two run directories of one kind: ls reports/';

/**
 * Prints the figures of two run directories side by side, and what may be concluded from them.
 * @returns pass, whatever the figures say: two separate runs decide nothing
 * @throws PollgateError (usage) for a folder that is no run directory, the same one twice, one of
 *   either kind, a run that did not come to its end, or two without a scenario in common
 */
export async function compareCommand(first: string, second: string): Promise<ExitCode> {
  const [a, b] = [resolve(first), resolve(second)];
  const [kindA, kindB] = [await kindOf(a), await kindOf(b)];
  if ((await realpath(a)) === (await realpath(b))) {
    throw usageError(`A and B are the same run directory: ${a}.`, remedy);
  }
  if (kindA !== kindB) {
    throw usageError(`A is the run of a ${kindA}, B that of a ${kindB}.`, remedy);
  }
  await prepareAnalysis();
  process.stdout.write(kindA === 'gate' ? await gatesText(a, b) : await suitesText(a, b));
  return exitCode.pass;
}

async function suitesText(a: string, b: string): Promise<string> {
  const [evidenceA, evidenceB] = [await readEvidence(a), await readEvidence(b)];
  refuseUnfinished('A', a, evidenceA.record.status);
  refuseUnfinished('B', b, evidenceB.record.status);
  const compared = compareRuns(evidenceA, evidenceB);
  if (compared.differences.length === 0) {
    const names = (list: readonly string[]) => list.join(', ') || 'nothing of its own';
    throw usageError(
      `The runs have no measured scenario in common: A has ${names(compared.onlyA)}, B has ${names(compared.onlyB)}.`,
      remedy,
    );
  }
  return renderRunsCompared(evidenceA.record, evidenceB.record, compared);
}

async function gatesText(a: string, b: string): Promise<string> {
  const [evidenceA, evidenceB] = [await readGateEvidence(a), await readGateEvidence(b)];
  refuseUnfinished('A', a, evidenceA.record.status);
  refuseUnfinished('B', b, evidenceB.record.status);
  return renderGatesCompared(judgeGate(evidenceA), judgeGate(evidenceB));
}

async function kindOf(runDir: string): Promise<'suite' | 'gate'> {
  if (await isThere(gateFiles.record(runDir))) {
    return 'gate';
  }
  if (await isThere(runFiles.record(runDir))) {
    return 'suite';
  }
  throw usageError(
    `${runDir} is not a run directory: it has neither run.json nor gate.json.`,
    remedy,
  );
}

/** What an interrupted run has measured may be the quiet, or the loud, part of it alone. */
function refuseUnfinished(name: string, runDir: string, status: string): void {
  if (status !== 'complete') {
    const what = status === 'running' ? 'did not come to its end' : `is ${status}`;
    throw usageError(`${name}, ${runDir}, ${what}: only complete runs are compared.`, remedy);
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
