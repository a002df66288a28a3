import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, release as kernelRelease, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { findExperiment, makeExperiment } from '../build/experiment.ts';
import { findGo, type GoToolchain } from '../build/go-toolchain.ts';
import { type ExitCode, exitCode, usageError } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { makeRunDirectory } from '../run/run-directory.ts';
import { type TestedPackage, testedPackages } from '../toolchain-test/packages.ts';
import { ToolchainTest } from '../toolchain-test/result.ts';
import { needTests, testPackage } from '../toolchain-test/run.ts';
import { deviationCount, renderToolchainTest } from '../toolchain-test/table.ts';
import { withProgress } from './build.ts';

export interface ToolchainTestOptions {
  /** How often each side runs every test; as packages.ts says where nothing is said. */
  count?: number;
  /** Import paths; all of packages.ts where nothing is said. */
  only?: readonly string[];
  reports: string;
}

/**
 * Runs Go's own tests with the stock Go and with GOEXPERIMENT=io_uring, and compares test by test.
 * Exit code 1 where one does worse under the experiment.
 */
export async function toolchainTestCommand(options: ToolchainTestOptions): Promise<ExitCode> {
  const signal = interruptSignal();
  const say = (text: string) => console.error(`toolchain: ${text}`);
  const tested = choosePackages(options.only);
  const stock = await findGo();
  await needTests(stock, tested);
  const experiment = await haveExperiment(stock);
  const startedAt = new Date();
  const begin = process.hrtime.bigint();
  const reports = resolve(options.reports);
  const { runId, runDir } = await makeRunDirectory(reports, startedAt, 'toolchain-test');
  const result: ToolchainTest = {
    schema: 1,
    runId,
    command: repeatCommand(options),
    startedAt: startedAt.toISOString(),
    durationNs: 0,
    status: 'failed',
    goVersion: stock.version,
    kernel: kernelRelease(),
    cpus: availableParallelism(),
    packages: [],
  };
  const scratch = await mkdtemp(join(tmpdir(), 'pollgate-toolchain-test-'));
  try {
    for (const one of tested) {
      const run = { stock, experiment, scratch, signal, say };
      result.packages.push(await testPackage(run, one, options.count ?? one.count));
    }
    result.status = 'complete';
  } catch (error) {
    result.status = signal.aborted ? 'interrupted' : 'failed';
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
    result.durationNs = Number(process.hrtime.bigint() - begin);
    checkJson(result, ToolchainTest, { name: 'the result', remedy: 'report this as a bug' });
    const table = renderToolchainTest(result);
    await writeFileAtomic(join(runDir, 'result.json'), formatJson(result));
    await writeFileAtomic(join(runDir, 'result.md'), table);
    say(`kept in ${relative(process.cwd(), runDir)}`);
    console.log(table.trimEnd());
  }
  return deviationCount(result.packages) === 0 ? exitCode.pass : exitCode.regressed;
}

/** @throws PollgateError (usage) for options of --test without it: making the toolchain has none */
export function refuseWithoutTest(
  test: boolean,
  { count, only }: Pick<ToolchainTestOptions, 'count' | 'only'>,
): void {
  if (!test && (count !== undefined || only !== undefined)) {
    throw usageError('--count and --only are of --test.', 'npm run toolchain -- --test --only net');
  }
}

/** @throws PollgateError (usage) for a package that is not among those tested */
function choosePackages(only: readonly string[] | undefined): readonly TestedPackage[] {
  const known = testedPackages.map(({ path }) => path);
  const unknown = only?.find((path) => !known.includes(path));
  if (unknown !== undefined) {
    throw usageError(
      `${JSON.stringify(unknown)} is none of the packages that are tested: ${known.join(', ')}.`,
      'npm run toolchain -- --test --only net,os',
    );
  }
  return testedPackages.filter(({ path }) => only?.includes(path) ?? true);
}

/** The toolchain with the experiment, made where it is not there. */
async function haveExperiment(stock: GoToolchain): Promise<GoToolchain> {
  await withProgress(() => makeExperiment(stock));
  const experiment = await findExperiment(stock);
  if (experiment === undefined) {
    throw new Error('the toolchain was made and is not there');
  }
  return experiment;
}

function repeatCommand({ count, only }: ToolchainTestOptions): string {
  return [
    'npm run toolchain -- --test',
    ...(count === undefined ? [] : [`--count=${count}`]),
    ...(only === undefined ? [] : [`--only=${only.join(',')}`]),
  ].join(' ');
}
