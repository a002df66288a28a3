import { access } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { diagFiles } from '../capture/diag/record.ts';
import { trialFiles } from '../diagnosis-trial/result.ts';
import { type ExitCode, exitCode } from '../lib/errors.ts';
import { matrixFiles } from '../matrix/record.ts';
import { derive, writeReports } from '../pipeline.ts';
import { renderConsole } from '../report/render/console.ts';
import type { Report } from '../report/report.ts';
import { gateFiles } from '../run/gate-record.ts';
import { concludeTrial } from './bench-diagnosis.ts';
import { concludeDiagnosis } from './diag.ts';
import { concludeGateRun } from './gate.ts';
import { concludeMatrixRun } from './matrix.ts';

/**
 * Derives the reports of a run directory, of a suite, a gate, a matrix or a diagnosis, anew; equal evidence gives equal bytes.
 * @returns the exit code of the run's verdict
 */
export async function reportCommand(directory: string): Promise<ExitCode> {
  const runDir = resolve(directory);
  if (await exists(diagFiles.record(runDir))) {
    await concludeDiagnosis(runDir);
    return exitCode.pass;
  }
  if (await exists(trialFiles.record(runDir))) {
    return concludeTrial(runDir);
  }
  if (await exists(matrixFiles.record(runDir))) {
    return concludeMatrixRun(runDir);
  }
  return (await exists(gateFiles.record(runDir))) ? concludeGateRun(runDir) : conclude(runDir);
}

/**
 * Derives the report of a run directory, prints its verdict, writes it, and says where it lies. The
 * verdict comes first: a full disk must not keep it from whoever waits for it.
 */
export async function conclude(runDir: string): Promise<ExitCode> {
  const report = await derive(runDir);
  printVerdict(report);
  await writeReports(runDir, report);
  process.stdout.write(`\n${relative(process.cwd(), runDir) || '.'}/report.html\n`);
  return report.exitCode as ExitCode;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function printVerdict(report: Report): void {
  const color = process.stdout.isTTY && !process.env['NO_COLOR'];
  const width = process.stdout.columns ?? 100;
  process.stdout.write(renderConsole(report, { color, width }));
}
