import { access, rm } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { readObservation } from '../analyze/observation.ts';
import { slowTurnsOf } from '../analyze/slow-turns.ts';
import { binaryPath, buildPrograms } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools } from '../build/programs.ts';
import { diagFiles } from '../capture/diag/record.ts';
import { captureProcess } from '../capture/diag/script.ts';
import { sumTrace } from '../capture/diag/trace.ts';
import { Diagnosis, diagnoseProcess } from '../diagnose/diagnosis.ts';
import { findNetprobeAccess } from '../host/netprobe-access.ts';
import { type ExitCode, exitCode } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { reportsDir } from '../lib/paths.ts';
import { renderDiagnosisText } from '../report/diag/console.ts';
import { renderDiagnosisHtml } from '../report/diag/html.ts';
import { renderDiagnosisMarkdown } from '../report/diag/markdown.ts';
import { timelineFile } from '../report/diag/panels.ts';
import { renderTimeline } from '../report/diag/timeline.ts';
import { makeRunDirectory, runFiles } from '../run/run-directory.ts';

export interface DiagOptions {
  /** Causes that end it with exit code 1 if they are confirmed; `any` is all of them. */
  failOn: readonly string[];
  out?: string;
}

/**
 * Looks at a running Go process from the kernel and from its runtime, names the causes that both
 * show, and writes the usual report.
 * @param words what bpf/go-io-diag.sh takes: --pid, --exe or --container, --seconds, …
 */
export async function diagCommand(
  words: readonly string[],
  { failOn, out }: DiagOptions,
): Promise<ExitCode> {
  const go = await findGo();
  await buildPrograms(go, [tools.netprobe, tools.tracesum], () => {});
  const netprobe = binaryPath(tools.netprobe);
  const found = await findNetprobeAccess(netprobe, new AbortController().signal);
  const own = out === undefined;
  const dir = own
    ? (await makeRunDirectory(resolve(reportsDir), new Date(), 'diag')).runDir
    : resolve(out);
  const code = await captureProcess(['--out', dir, ...words], found?.command ?? [netprobe]);
  const taken = await access(diagFiles.record(dir)).then(
    () => true,
    () => false,
  );
  if (!taken) {
    if (own) {
      await rm(dir, { recursive: true, force: true });
    }
    return code;
  }
  const diagnosis = await concludeDiagnosis(dir);
  if (code !== exitCode.pass) {
    return code;
  }
  const failing = diagnosis.findings.filter(
    ({ cause, state }) =>
      state === 'confirmed' && (failOn.includes('any') || failOn.includes(cause)),
  );
  return failing.length > 0 ? exitCode.regressed : exitCode.pass;
}

/** Derives the diagnosis of a directory, prints it and writes report.json, .md and .html. */
export async function concludeDiagnosis(dir: string): Promise<Diagnosis> {
  await sumTrace(dir);
  const seen = await readObservation(dir);
  const diagnosis = diagnoseProcess(seen, basename(dir));
  checkJson(diagnosis, Diagnosis, { name: 'the diagnosis', remedy: 'report this as a bug' });
  process.stdout.write(renderDiagnosisText(diagnosis));
  await writeFileAtomic(runFiles.report(dir, 'json'), formatJson(diagnosis));
  await writeFileAtomic(runFiles.report(dir, 'md'), renderDiagnosisMarkdown(diagnosis));
  await writeFileAtomic(runFiles.report(dir, 'html'), renderDiagnosisHtml(diagnosis));
  const slow = slowTurnsOf(seen);
  if (slow !== null && slow.turns.length > 0) {
    await writeFileAtomic(join(dir, timelineFile), renderTimeline(slow));
  }
  process.stdout.write(`\n${relative(process.cwd(), dir) || '.'}/report.html\n`);
  return diagnosis;
}
