import { relative, resolve } from 'node:path';
import type { ExitCode } from '../lib/errors.ts';
import { derive, writeReports } from '../pipeline.ts';
import { renderConsole } from '../report/render/console.ts';
import type { Report } from '../report/report.ts';

/**
 * Derives the three reports of a run directory anew; equal evidence gives equal bytes.
 * @returns the exit code of the run's verdict
 */
export async function reportCommand(directory: string): Promise<ExitCode> {
  const runDir = resolve(directory);
  return conclude(runDir);
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

function printVerdict(report: Report): void {
  const color = process.stdout.isTTY && !process.env['NO_COLOR'];
  const width = process.stdout.columns ?? 100;
  process.stdout.write(renderConsole(report, { color, width }));
}
