import { access, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Type, { type Static } from 'typebox';
import { parseJson } from '../lib/json.ts';
import { cacheDir } from '../lib/paths.ts';
import { type GoToolchain, runGo } from './go-toolchain.ts';
import { hashTree, sha256 } from './hash.ts';
import { fixturesModule } from './program.ts';
import { removeStale } from './staging.ts';

/** As the environment takes it: GOEXPERIMENT=io_uring. */
export const experimentName = 'io_uring';

const generator = join(fixturesModule, 'goroot', 'overlay');

const Answer = Type.Object(
  {
    goroot: Type.String(),
    goVersion: Type.String(),
    sha256: Type.String(),
    made: Type.Boolean(),
  },
  { additionalProperties: false },
);

/** A GOROOT that knows the experiment, as goroot/overlay made it; `made`: just now. */
export type ExperimentToolchain = Static<typeof Answer>;

/**
 * The toolchain with the experiment for this Go and these sources of the netpoller.
 * @returns undefined where it was not made yet
 */
export async function findExperiment(go: GoToolchain): Promise<GoToolchain | undefined> {
  const goroot = await experimentRoot(go);
  const complete = await access(join(goroot, 'toolchain.json')).then(
    () => true,
    () => false,
  );
  return complete ? inRoot(go, goroot) : undefined;
}

/**
 * Makes the toolchain unless it is there; one to three minutes on two CPUs.
 * @throws PollgateError (infrastructure) with the generator's words: a Go that it was not written for
 */
export async function makeExperiment(go: GoToolchain): Promise<ExperimentToolchain> {
  const goroot = await experimentRoot(go);
  // What a generator left that was killed.
  await mkdir(dirname(goroot), { recursive: true });
  await removeStale(dirname(goroot), '.staging-');
  const args = ['run', './goroot/overlay', '-toolchain', goroot];
  const answer = await runGo(go, fixturesModule, args);
  const remedy = `cd ${JSON.stringify(fixturesModule)} && go run ./goroot/overlay -toolchain /tmp/goroot`;
  return parseJson(answer, Answer, { name: 'goroot/overlay', remedy });
}

/** Other sources or another Go are another folder, so that what is there never has to be doubted. */
async function experimentRoot(go: GoToolchain): Promise<string> {
  const key = sha256(JSON.stringify([await hashTree(generator), go.version, go.goroot]));
  return join(cacheDir, 'toolchain', `${go.version}-${key.slice(0, 12)}`);
}

/** The same closed environment, in which `go` is that of another GOROOT. */
function inRoot(go: GoToolchain, goroot: string): GoToolchain {
  const path = [join(goroot, 'bin'), go.env['PATH'] ?? ''].join(':');
  return { ...go, goroot, env: { ...go.env, PATH: path, GOEXPERIMENT: experimentName } };
}
