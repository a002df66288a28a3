import { readdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { exitCode, usageError } from '../lib/errors.ts';
import { readJson } from '../lib/json.ts';
import { rootDir, scenariosDir } from '../lib/paths.ts';
import { matrixSuffix } from '../scenario/load.ts';
import { listFixtures, reservedFlag } from '../scenario/meaning.ts';
import { namePattern } from '../scenario/scenario.ts';
import { type LoadedMatrix, MatrixDescription } from './description.ts';

const remedy =
  'correct the file; an editor that follows "$schema" shows every setting with its unit';

/**
 * Reads the matrices of a suite, in the order of their names.
 * @param only id of the one that is wanted; all by default
 * @throws PollgateError (usage) for a file that is not valid, or an id that is not there
 */
export async function loadMatrices(
  suite: string,
  { dir = scenariosDir, only }: { dir?: string | undefined; only?: string | undefined } = {},
): Promise<LoadedMatrix[]> {
  const files = (await readdir(join(dir, suite))).filter((name) => name.endsWith(matrixSuffix));
  const ids = files.map((name) => name.slice(0, -matrixSuffix.length)).sort();
  const chosen = ids.filter((id) => only === undefined || id === only);
  if (chosen.length === 0) {
    throw usageError(
      `--only: ${JSON.stringify(only)} seen, allowed: ${ids.join(', ')}.`,
      `npm run bench ${suite} -- --only ${ids[0]}`,
    );
  }
  return Promise.all(
    chosen.map((id) => loadMatrix(join(dir, suite, id + matrixSuffix), suite, id)),
  );
}

async function loadMatrix(path: string, suite: string, id: string): Promise<LoadedMatrix> {
  const description = await readJson(path, MatrixDescription, {
    remedy,
    exitCode: exitCode.usage,
  });
  const problems = [...faults(description, await listFixtures())];
  if (!new RegExp(namePattern).test(id)) {
    problems.push(`the file name ${JSON.stringify(id)} must match ${namePattern}`);
  }
  if (problems.length > 0) {
    const lines = problems.map((line) => `  ${line}`).join('\n');
    throw usageError(`${relative(rootDir, path)} is not valid:\n${lines}`, remedy);
  }
  return { suite, id, description };
}

/** What a JSON schema cannot say: names that must refer to each other, an A/A that is one. */
export function* faults(matrix: MatrixDescription, fixtures: readonly string[]): Generator<string> {
  const servers = Object.keys(matrix.servers);
  const conditions = Object.keys(matrix.conditions);
  const known = (at: string, seen: string, names: readonly string[]) =>
    names.includes(seen)
      ? []
      : [`${at}: ${JSON.stringify(seen)} seen, allowed: ${names.join(', ')}`];
  yield* known('/reference', matrix.reference, servers);
  yield* known('/control', matrix.control, servers);
  for (const [name, server] of Object.entries(matrix.servers)) {
    yield* known(`/servers/${name}/fixture`, server.fixture, fixtures);
    for (const condition of server.only ?? []) {
      yield* known(`/servers/${name}/only`, condition, conditions);
    }
    for (const arg of server.args ?? []) {
      if (reservedFlag.test(arg)) {
        yield `/servers/${name}/args: ${JSON.stringify(arg)} seen; --listen, --pprof, --nonce and --data are set by the harness`;
      }
    }
  }
  yield* controlFaults(matrix);
  for (const [name, { of, to }] of Object.entries(matrix.pairs)) {
    yield* known(`/pairs/${name}/of`, of, servers);
    yield* known(`/pairs/${name}/to`, to, servers);
  }
  for (const [name, claim] of Object.entries(matrix.claims)) {
    const names = claim.quantity.endsWith('-ratio') ? Object.keys(matrix.pairs) : servers;
    yield* known(`/claims/${name}/of`, claim.of, names);
  }
  const blocks = matrix.load.protocol === 'block-4k';
  for (const [name, { pages }] of Object.entries(matrix.conditions)) {
    if (blocks !== (pages !== undefined)) {
      yield `/conditions/${name}/pages: ${pages ?? 'none'} seen; block-4k has a data file, and nothing else has`;
    }
  }
}

function* controlFaults({ servers, reference, control }: MatrixDescription): Generator<string> {
  const bare = (name: string) => {
    const { fixture, netpoller, polls, args, env, only } = servers[name] ?? {};
    return JSON.stringify([fixture, netpoller, polls, args, env, only]);
  };
  if (reference === control || bare(reference) !== bare(control)) {
    yield `/control: ${JSON.stringify(control)} seen, expected another name of the very program ${reference}, label aside`;
  }
}
