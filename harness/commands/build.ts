import { makeDataFiles } from '../build/data-file.ts';
import { buildPrograms } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { scenarioPrograms, tools } from '../build/programs.ts';
import { type ExitCode, exitCode } from '../lib/errors.ts';
import { listSuites, loadSuite } from '../scenario/load.ts';

/** Builds every Go program that the committed scenarios need; says what it did in one line. */
export async function buildCommand(): Promise<ExitCode> {
  const go = await findGo();
  const scenarios = (
    await Promise.all((await listSuites()).map((suite) => loadSuite(suite)))
  ).flat();
  const programs = [...scenarioPrograms(scenarios), ...Object.values(tools)];
  const begin = performance.now();
  const { builds, built } = await buildPrograms(go, programs, (missing) => {
    console.log(`set-up: building ${missing} Go programs; a first time takes about a minute`);
  });
  const files = await makeDataFiles(scenarios);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(
    built + files === 0
      ? `set-up: nothing to build, ${builds.length} Go programs are up to date`
      : `set-up: built ${built} of ${builds.length} Go programs and ${files} data files with ${go.version} in ${seconds} s`,
  );
  return exitCode.pass;
}
