import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { exitCode, messageOf, usageError } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import { rootDir, scenariosDir } from '../lib/paths.ts';
import { listFixtures, meaningErrors, moduleErrors } from './meaning.ts';
import { readRecording } from './recording.ts';
import { type LoadedScenario, namePattern, Scenario } from './scenario.ts';

const scenarioRemedy =
  'correct the file; an editor that follows "$schema" shows every setting with its unit';

/** Ends the name of a file that describes a matrix (harness/matrix); its folder is no suite of scenarios. */
export const matrixSuffix = '.matrix.json';

/** Whether a folder of scenarios/ describes a matrix. */
export async function isMatrixSuite(suite: string, dir: string = scenariosDir): Promise<boolean> {
  const files = await readdir(join(dir, suite)).catch(() => []);
  return files.some((name) => name.endsWith(matrixSuffix));
}

/** Names of the folders of scenarios/ that describe a matrix. @throws as {@link listSuites} */
export async function listMatrixSuites(dir: string = scenariosDir): Promise<string[]> {
  return (await listFolders(dir)).filter(({ isMatrix }) => isMatrix).map(({ name }) => name);
}

/**
 * Names of the suites: the folders of scenarios/ but those of a matrix.
 * @throws PollgateError (usage) where the folder cannot be read.
 */
export async function listSuites(dir: string = scenariosDir): Promise<string[]> {
  return (await listFolders(dir)).filter(({ isMatrix }) => !isMatrix).map(({ name }) => name);
}

async function listFolders(dir: string): Promise<{ name: string; isMatrix: boolean }[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch((cause: unknown) => {
    throw usageError(
      `The scenarios cannot be read: ${messageOf(cause)}; expected a folder with one folder per suite.`,
      'name such a folder with --scenarios, or leave it out: npm run bench -- --help',
    );
  });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    folders.sort().map(async (name) => ({ name, isMatrix: await isMatrixSuite(name, dir) })),
  );
}

/**
 * Reads every scenario of a suite, in the order of their names.
 * @throws PollgateError (usage) for an unknown suite or a file that is not valid.
 */
export async function loadSuite(
  suite: string,
  dir: string = scenariosDir,
): Promise<LoadedScenario[]> {
  const suites = await listSuites(dir);
  if (!suites.includes(suite)) {
    throw usageError(
      `There is no suite ${JSON.stringify(suite)}; there are: ${[...suites, ...(await listMatrixSuites(dir))].join(', ')}.`,
      `npm run bench ${suites[0] ?? ''}`.trim(),
    );
  }
  const files = (await readdir(join(dir, suite))).filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) {
    throw usageError(`The suite ${suite} has no scenario.`, `add scenarios/${suite}/<id>.json`);
  }
  const loaded = await Promise.all(
    files.map((file) => loadScenario(join(dir, suite, file), suite)),
  );
  for (const scenario of loaded) {
    refuse(scenario.path, await moduleErrors(scenario));
  }
  return loaded;
}

/**
 * Reads one scenario file; its id is its file name. Modules that it names need not be there yet.
 * @throws PollgateError (usage) for a file that is not valid.
 */
export async function loadScenario(path: string, suite: string): Promise<LoadedScenario> {
  const id = path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
  const scenario = await readJson(path, Scenario, {
    remedy: scenarioRemedy,
    exitCode: exitCode.usage,
  });
  const { recording, problems: unreadable } = await readRecording(path, scenario);
  const problems = [...meaningErrors(scenario, await listFixtures()), ...unreadable];
  if (!new RegExp(namePattern).test(id)) {
    problems.push(`the file name ${JSON.stringify(id)} must match ${namePattern}`);
  }
  refuse(path, problems);
  return { suite, id, path, scenario, ...(recording ? { recording } : {}) };
}

function refuse(path: string, problems: readonly string[]): void {
  if (problems.length > 0) {
    throw usageError(
      `${relative(rootDir, path)} is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`,
      scenarioRemedy,
    );
  }
}
