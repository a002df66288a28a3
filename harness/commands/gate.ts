import { relative } from 'node:path';
import { readGateEvidence } from '../analyze/gate-evidence.ts';
import { explainReds } from '../gate/explain-reds.ts';
import { GateReport } from '../gate/gate-report.ts';
import { judgeGate } from '../gate/judge-gate.ts';
import type { ExitCode } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { prepareAnalysis } from '../pipeline.ts';
import { renderGateText } from '../report/gate/console.ts';
import { renderGateHtml } from '../report/gate/html.ts';
import { renderGateMarkdown } from '../report/gate/markdown.ts';
import { watchProgress } from '../report/progress.ts';
import { runFiles } from '../run/run-directory.ts';
import { type GateOptions, measureGate } from './gate-run.ts';

/** Builds base and head, runs them side by side until every limit is decided, and says what came of it. */
export async function gateCommand(
  suites: readonly string[],
  options: GateOptions,
): Promise<ExitCode> {
  await prepareAnalysis();
  const progress = watchProgress(process.stderr);
  let runDir: string;
  try {
    runDir = await measureGate(suites, options, progress.listen);
  } finally {
    progress.stop();
  }
  return concludeGateRun(runDir);
}

/** Derives the reports of a gate's run directory anew and prints its verdict. */
export async function concludeGateRun(runDir: string): Promise<ExitCode> {
  await prepareAnalysis();
  const evidence = await readGateEvidence(runDir);
  const report = await explainReds(judgeGate(evidence), evidence, runDir);
  checkJson(report, GateReport, { name: 'the report', remedy: 'report this as a bug' });
  process.stdout.write(renderGateText(report));
  await writeFileAtomic(runFiles.report(runDir, 'json'), formatJson(report));
  await writeFileAtomic(runFiles.report(runDir, 'md'), renderGateMarkdown(report));
  await writeFileAtomic(runFiles.report(runDir, 'html'), renderGateHtml(report));
  process.stdout.write(`\n${relative(process.cwd(), runDir) || '.'}/report.html\n`);
  return report.exitCode as ExitCode;
}
