import { rmdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { binaryPath, buildPrograms } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools } from '../build/programs.ts';
import { allowedCpus } from '../host/cpus.ts';
import type { ExitCode } from '../lib/errors.ts';
import { reportsDir } from '../lib/paths.ts';
import { runGenerator } from '../run/generator-alone.ts';
import { lockMeasuring } from '../run/lock.ts';
import { placeOn } from '../run/placement.ts';
import { makeRunDirectory } from '../run/run-directory.ts';

/**
 * Runs the load generator by itself, against any server: its words are the generator's
 * (go-fixtures/cmd/loadgen), completed by a folder for the results and a CPU of its own.
 */
export async function loadCommand(words: readonly string[]): Promise<ExitCode> {
  await buildPrograms(await findGo(), [tools.loadgen], () => {});
  const loadgen = binaryPath(tools.loadgen);
  if (words.length === 0 || has(words, 'help') || has(words, 'h')) {
    return runGenerator(loadgen, words.length === 0 ? ['--help'] : words);
  }
  const release = await lockMeasuring();
  try {
    // A person at a terminal has no commands to give.
    const spec = has(words, 'spec') && !has(words, 'unattended') ? ['--unattended'] : [];
    const more = [...spec, ...(await ownCpu(words))];
    const dir = await folder(words);
    const out = dir === undefined ? [] : ['--out', dir];
    return await runGenerator(loadgen, [...words, ...more, ...out]).finally(() =>
      // Only where it is empty: what was refused has left nothing.
      dir === undefined ? undefined : rmdir(dir).catch(() => {}),
    );
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

async function folder(words: readonly string[]): Promise<string | undefined> {
  if (has(words, 'out') || !(has(words, 'url') || has(words, 'spec'))) {
    return undefined;
  }
  const { runDir } = await makeRunDirectory(resolve(reportsDir), new Date(), 'load');
  return runDir;
}
