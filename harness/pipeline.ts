/**
 * The one road of the data, all stages in order:
 *
 *   Scenario → Plan → FixtureBuild → Round → Capture │ Measurement → Agreement → Comparison → Verdict → Report
 *
 * Left of the bar a run leaves its evidence in a run directory; right of it everything is a pure
 * function of that directory, so a recorded run gives the same report anywhere, without root.
 */
import { initWebAssembly } from 'hdr-histogram-js';
import { readEvidence } from './analyze/evidence.ts';
import { makeDataFiles } from './build/data-file.ts';
import type { FixtureBuild } from './build/fixture-build.ts';
import { buildPrograms } from './build/go-build.ts';
import { findGo, type GoToolchain } from './build/go-toolchain.ts';
import { scenarioPrograms, tools } from './build/programs.ts';
import type { Baseline } from './compare/baseline.ts';
import { baselinePath, formatBaseline, readBaseline } from './compare/baseline-file.ts';
import { usageError } from './lib/errors.ts';
import { writeFileAtomic } from './lib/fs.ts';
import { formatJson } from './lib/json.ts';
import { makePlan, type Plan, type PlanOptions } from './plan/plan.ts';
import { assembleReport } from './report/assemble.ts';
import { heatMapCsv } from './report/heat-csv.ts';
import { renderHtml } from './report/render/html.ts';
import { renderMarkdown } from './report/render/markdown.ts';
import type { Report } from './report/report.ts';
import type { RoundContext } from './run/round-context.ts';
import { runFiles } from './run/run-directory.ts';
import type { RunRecord } from './run/run-record.ts';
import { runSuite } from './run/run-suite.ts';
import { loadSuite } from './scenario/load.ts';
import type { LoadedScenario } from './scenario/scenario.ts';

export interface Prepared {
  scenarios: LoadedScenario[];
  plans: Plan[];
  go: GoToolchain;
  /** Builds of the scenarios' programs, then of the harness's tools. */
  builds: FixtureBuild[];
}

export interface PrepareOptions {
  scenariosDir?: string;
  /** Id of the one scenario to run. */
  only?: string;
  /** Told how many programs must be built, before that begins. */
  onBuild: (missing: number) => void;
}

/** Scenario → Plan → FixtureBuild: everything that needs no load. */
export async function prepare(
  suite: string,
  options: PlanOptions & PrepareOptions,
): Promise<Prepared> {
  const all = await loadSuite(suite, options.scenariosDir);
  const scenarios = options.only === undefined ? all : [onlyScenario(all, options.only)];
  const plans = scenarios.map((scenario) => makePlan(scenario, options));
  const go = await findGo();
  const programs = [...scenarioPrograms(scenarios), ...Object.values(tools)];
  const { builds } = await buildPrograms(go, programs, options.onBuild);
  await makeDataFiles(scenarios);
  return { scenarios, plans, go, builds };
}

function onlyScenario(all: readonly LoadedScenario[], id: string): LoadedScenario {
  const found = all.find((scenario) => scenario.id === id);
  if (found === undefined) {
    const ids = all.map((scenario) => scenario.id);
    throw usageError(
      `--only: ${JSON.stringify(id)} seen, allowed: ${ids.join(', ')}.`,
      `npm run bench ${all[0]?.suite} -- --only ${ids[0]}`,
    );
  }
  return found;
}

/** Round → Capture: the only stage that takes long, and the last that needs the machine. */
export async function capture(
  plans: readonly Plan[],
  { runDir, baselines }: { runDir: string; baselines: string },
  contextOf: (plan: Plan) => RoundContext,
): Promise<void> {
  for (const { suite, id } of plans) {
    // A copy, so that the verdict does not change when the committed baseline does.
    const baseline = await readBaseline(baselinePath(baselines, suite, id));
    if (baseline !== null) {
      await writeFileAtomic(runFiles.baseline(runDir, id), formatBaseline(baseline));
    }
  }
  await runSuite(plans, runDir, contextOf);
}

/** Writes the run's record; again whenever its status changes. */
export async function saveRecord(runDir: string, record: RunRecord): Promise<void> {
  await writeFileAtomic(runFiles.record(runDir), formatJson(record));
}

/** Loads what decodes histograms; once per process, before any stage right of the bar. */
export async function prepareAnalysis(): Promise<void> {
  await initWebAssembly();
}

/** Capture → … → Report, from nothing but the run directory. */
export async function derive(runDir: string): Promise<Report> {
  await prepareAnalysis();
  const evidence = await readEvidence(runDir);
  const baselines = new Map<string, Baseline>();
  for (const { id } of evidence.record.plans) {
    const baseline = await readBaseline(runFiles.baseline(runDir, id));
    if (baseline !== null) {
      baselines.set(id, baseline);
    }
  }
  return assembleReport(evidence, baselines);
}

/** Writes report.json, report.md and report.html into the run directory. */
export async function writeReports(runDir: string, report: Report): Promise<void> {
  await writeFileAtomic(runFiles.report(runDir, 'json'), formatJson(report));
  await writeFileAtomic(runFiles.report(runDir, 'md'), renderMarkdown(report));
  await writeFileAtomic(runFiles.report(runDir, 'html'), renderHtml(report));
  const csv = heatMapCsv(report);
  if (csv !== undefined) {
    await writeFileAtomic(runFiles.heatMaps(runDir), csv);
  }
}
