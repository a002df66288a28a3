import { relative, resolve } from 'node:path';
import type { ExitCode } from '../lib/errors.ts';
import { derive, writeReports } from '../pipeline.ts';
import { renderConsole } from '../report/render/console.ts';

/**
 * Derives the three reports of a run directory anew; equal evidence gives equal bytes.
 * @returns the exit code of the run's verdict
 */
export async function reportCommand(directory: string): Promise<ExitCode> {
  const runDir = resolve(directory);
  const report = await derive(runDir);
  await writeReports(runDir, report);
  printReport(runDir, report);
  return report.exitCode as ExitCode;
}

/** The verdict on the terminal, and where the whole report lies. */
export function printReport(runDir: string, report: Parameters<typeof renderConsole>[0]): void {
  const color = process.stdout.isTTY && !process.env['NO_COLOR'];
  const width = process.stdout.columns ?? 100;
  process.stdout.write(renderConsole(report, { color, width }));
  process.stdout.write(`\n${relative(process.cwd(), runDir)}/report.html\n`);
}
