import { resolve } from 'node:path';
import { execa } from 'execa';
import { binaryPath, buildPrograms } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools } from '../build/programs.ts';
import type { ExitCode } from '../lib/errors.ts';
import { reportsDir } from '../lib/paths.ts';
import { lockMeasuring } from '../run/lock.ts';
import { allowedCpus, placeOn } from '../run/placement.ts';
import { makeRunDirectory } from '../run/run-directory.ts';

/**
 * Runs the load generator by itself, against any server: its words are the generator's
 * (go-fixtures/cmd/loadgen), completed by a folder for the results and a CPU of its own.
 */
export async function loadCommand(words: readonly string[]): Promise<ExitCode> {
  await buildPrograms(await findGo(), [tools.loadgen], () => {});
  const loadgen = binaryPath(tools.loadgen);
  const run = async (more: readonly string[]) => {
    // Ctrl-C reaches the generator too, which then ends in order; its exit code is ours.
    const ignore = () => {};
    process.on('SIGINT', ignore);
    const { exitCode = 1 } = await execa(loadgen, [...words, ...more], {
      stdio: 'inherit',
      reject: false,
    });
    process.off('SIGINT', ignore);
    return exitCode as ExitCode;
  };
  if (words.length === 0 || has(words, 'help') || has(words, 'h')) {
    return run(words.length === 0 ? ['--help'] : []);
  }
  const release = await lockMeasuring();
  try {
    // A person at a terminal has no commands to give.
    const spec = has(words, 'spec') && !has(words, 'unattended') ? ['--unattended'] : [];
    return await run([...spec, ...(await ownCpu(words)), ...(await folder(words))]);
  } finally {
    release();
  }
}

function has(words: readonly string[], option: string): boolean {
  return words.some((word) => new RegExp(`^--?${option}(=|$)`).test(word));
}

/** A spec says itself where it runs. */
async function ownCpu(words: readonly string[]): Promise<string[]> {
  const { generator } = placeOn(await allowedCpus());
  return has(words, 'url') && !has(words, 'cpus') && generator >= 0
    ? ['--cpus', String(generator)]
    : [];
}

async function folder(words: readonly string[]): Promise<string[]> {
  if (has(words, 'out') || !(has(words, 'url') || has(words, 'spec'))) {
    return [];
  }
  const { runDir } = await makeRunDirectory(resolve(reportsDir), new Date(), 'load');
  return ['--out', runDir];
}
