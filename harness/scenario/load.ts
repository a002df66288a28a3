import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { exitCode, usageError } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import { rootDir, scenariosDir } from '../lib/paths.ts';
import { causes, isCause } from './cause.ts';
import { isMetricId, metricIds, metrics } from './metric.ts';
import { type Gate, type LoadedScenario, namePattern, Scenario } from './scenario.ts';

const scenarioRemedy =
  'correct the file; an editor that follows "$schema" shows every setting with its unit';

/** Names of the suites: the folders of scenarios/. */
export async function listSuites(dir: string = scenariosDir): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
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
      `There is no suite ${JSON.stringify(suite)}; there are: ${suites.join(', ')}.`,
      `npm run bench ${suites[0] ?? ''}`.trim(),
    );
  }
  const files = (await readdir(join(dir, suite))).filter((name) => name.endsWith('.json')).sort();
  if (files.length === 0) {
    throw usageError(`The suite ${suite} has no scenario.`, `add scenarios/${suite}/<id>.json`);
  }
  return Promise.all(files.map((file) => loadScenario(join(dir, suite, file), suite)));
}

/** Reads one scenario file; its id is its file name. */
export async function loadScenario(path: string, suite: string): Promise<LoadedScenario> {
  const id = path.slice(path.lastIndexOf('/') + 1, -'.json'.length);
  const scenario = await readJson(path, Scenario, {
    remedy: scenarioRemedy,
    exitCode: exitCode.usage,
  });
  const problems = [...meaningErrors(scenario)];
  if (!new RegExp(namePattern).test(id)) {
    problems.push(`the file name ${JSON.stringify(id)} must match ${namePattern}`);
  }
  if (problems.length > 0) {
    throw usageError(
      `${relative(rootDir, path)} is not valid:\n${problems.map((line) => `  ${line}`).join('\n')}`,
      scenarioRemedy,
    );
  }
  return { suite, id, path, scenario };
}

/** What a JSON schema cannot say: names that must refer to each other, units that must fit. */
function* meaningErrors(scenario: Scenario): Generator<string> {
  const variants = Object.keys(scenario.variants);
  if (!variants.includes(scenario.reference)) {
    yield `/reference: ${JSON.stringify(scenario.reference)} seen, allowed: ${variants.join(', ')}`;
  }
  if (scenario.closedLoop !== undefined && scenario.load.protocol !== 'http1') {
    yield `/closedLoop: needs "protocol": "http1", seen ${JSON.stringify(scenario.load.protocol)}`;
  }
  for (const [id, gate] of Object.entries(scenario.gates)) {
    yield* gateErrors(id, gate);
  }
  const { expect } = scenario;
  for (const variant of expect === undefined ? [] : variants.filter((name) => !(name in expect))) {
    yield `/expect: ${JSON.stringify(variant)} is missing; [] says that nothing may be found in it`;
  }
  for (const [variant, findings] of Object.entries(expect ?? {})) {
    if (!variants.includes(variant)) {
      yield `/expect: ${JSON.stringify(variant)} seen, allowed: ${variants.join(', ')}`;
    }
    for (const finding of findings.filter((name) => !isCause(name))) {
      yield `/expect/${variant}: ${JSON.stringify(finding)} seen, allowed: ${causes.join(', ')}`;
    }
  }
}

function* gateErrors(id: string, gate: Gate): Generator<string> {
  if (!isMetricId(id)) {
    yield `/gates: ${JSON.stringify(id)} seen, allowed: ${metricIds.join(', ')}`;
    return;
  }
  const { unit, better } = metrics[id];
  const allowed = { ns: 'maxNs', count: 'maxCount', perSec: 'minPerSec' }[unit];
  for (const name of ['maxNs', 'maxCount', 'minPerSec'] as const) {
    if (gate[name] !== undefined && name !== allowed) {
      yield `/gates/${id}/${name}: the metric is in ${unit} and ${better} is better, allowed: ${allowed}`;
    }
  }
}
