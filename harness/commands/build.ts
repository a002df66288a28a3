import { makeDataFiles } from '../build/data-file.ts';
import { findExperiment, makeExperiment } from '../build/experiment.ts';
import { buildPrograms, type Program } from '../build/go-build.ts';
import { findGo, type GoToolchain } from '../build/go-toolchain.ts';
import { scenarioPrograms, tools } from '../build/programs.ts';
import { type ExitCode, exitCode, messageOf } from '../lib/errors.ts';
import { loadMatrices } from '../matrix/load-description.ts';
import { matrixPrograms } from '../matrix/programs.ts';
import { listMatrixSuites, listSuites, loadSuite } from '../scenario/load.ts';

const progressMs = 10_000;

/** Builds every Go program that the committed scenarios need; says what it did in one line. */
export async function buildCommand(): Promise<ExitCode> {
  const go = await findGo();
  const scenarios = (
    await Promise.all((await listSuites()).map((suite) => loadSuite(suite)))
  ).flat();
  const matrices = await Promise.all(
    (await listMatrixSuites()).map((suite) => loadMatrices(suite)),
  );
  const all = [
    ...[...scenarioPrograms(scenarios), ...matrixPrograms(matrices.flat())],
    ...Object.values(tools),
  ];
  const programs = [...new Map(all.map((p) => [`${p.name}.${p.netpoller}`, p])).values()];
  const begin = performance.now();
  const { ready, built } = await withProgress(() => buildAll(go, programs));
  const files = await makeDataFiles(scenarios);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(
    built + files === 0
      ? `set-up: nothing to build, ${ready} Go programs are up to date`
      : `set-up: built ${built} of ${ready} Go programs and ${files} data files with ${go.version} in ${seconds} s`,
  );
  return exitCode.pass;
}

interface Built {
  /** Programs that are there now, and how many of them had to be built. */
  ready: number;
  built: number;
}

/** Builds; a Go that is too new for the io_uring netpoller is no reason to have no epoll. */
async function buildAll(go: GoToolchain, programs: readonly Program[]): Promise<Built> {
  const { epoll = [], io_uring: uring = [] } = Object.groupBy(programs, (p) => p.netpoller);
  const first = await build(go, epoll);
  try {
    await prepareExperiment(go);
    const second = await build(go, uring);
    return { ready: first.ready + second.ready, built: first.built + second.built };
  } catch (error) {
    const refusal = overlayRefusal(messageOf(error));
    if (refusal === undefined) {
      throw error;
    }
    console.log(`set-up: no io_uring programs, suites that need them will fail: ${refusal}`);
    return first;
  }
}

/**
 * Where nobody waits at a terminal the toolchain with the experiment builds what polls by io_uring; elsewhere
 * the first build shall not take minutes, and an overlay does.
 */
async function prepareExperiment(go: GoToolchain): Promise<void> {
  if ((await findExperiment(go)) !== undefined) {
    return;
  }
  if (process.env['CI'] !== undefined && process.env['CI'] !== '') {
    console.log('set-up: making a Go with GOEXPERIMENT=io_uring, one to three minutes');
    await makeExperiment(go);
    return;
  }
  console.log(
    'set-up: io_uring is built in with an overlay of Go’s runtime; to have it as GOEXPERIMENT=io_uring: npm run toolchain',
  );
}

async function build(go: GoToolchain, programs: readonly Program[]): Promise<Built> {
  const { builds, built } = await buildPrograms(go, programs, (missing) => {
    console.log(
      `set-up: building ${missing} Go programs (${programs[0]?.netpoller}); a first time takes about a minute`,
    );
  });
  return { ready: builds.length, built };
}

/** The line in which goroot/overlay refuses this Go; undefined where something else failed. */
export function overlayRefusal(message: string): string | undefined {
  return /unsupported (?:Go version|platform) .*/.exec(message)?.[0];
}

/** Lets nobody wonder whether a build that takes long still runs. */
export async function withProgress<T>(work: () => Promise<T>): Promise<T> {
  let seconds = 0;
  const timer = setInterval(() => {
    seconds += progressMs / 1000;
    console.log(`set-up: still building, ${seconds} s`);
  }, progressMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
