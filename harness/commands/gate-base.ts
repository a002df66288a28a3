import {
  incomparableError,
  isReservedBase,
  lastRelease,
  type ReservedBase,
  recordedRevision,
} from '../build/base-revision.ts';
import { repositoryRoot } from '../build/base-tree.ts';
import { variantProgram } from '../build/programs.ts';
import { baselinePath, readBaseline } from '../compare/baseline-file.ts';
import { baselinesDir } from '../lib/paths.ts';
import type { GateRecord } from '../run/gate-record.ts';
import type { LoadedScenario, Variant } from '../scenario/scenario.ts';

/** What one unit is held against. */
export interface UnitBase {
  /** As git rev-parse takes it: what the user named, or the commit that a reserved word stands for. */
  revision: string;
  /** Go that the baseline was recorded with; of `--base baseline` alone. */
  recordedGo?: string;
  /** Tag that was found; of `--base release` alone. */
  release?: string;
}

interface BaseOptions {
  /** As the user wrote it: a revision, `baseline` or `release`. */
  base: string;
  /** Folder of the committed baselines; the clone's own by default. */
  baselines?: string;
}

/**
 * Finds what every unit of a gate is held against, before anything is built.
 * @returns a look-up by gated variant
 * @throws PollgateError (undecided) where a reserved word leads to no commit that can be compared with
 */
export async function findBases(
  scenarios: readonly LoadedScenario[],
  { base, baselines = baselinesDir }: BaseOptions,
): Promise<(spec: Variant) => UnitBase> {
  if (!isReservedBase(base)) {
    return () => ({ revision: base });
  }
  const found = new Map<Variant, UnitBase>();
  for (const loaded of scenarios) {
    const { gate, reference, variants } = loaded.scenario;
    for (const spec of (gate?.variants ?? [reference]).flatMap((name) => variants[name] ?? [])) {
      found.set(spec, await findBase(loaded, spec, { base, baselines }));
    }
  }
  return (spec) => {
    const own = found.get(spec);
    if (own === undefined) {
      throw new Error('no base was looked for: the variant is not one of the gate');
    }
    return own;
  };
}

async function findBase(
  loaded: LoadedScenario,
  spec: Variant,
  { base, baselines }: { base: ReservedBase; baselines: string },
): Promise<UnitBase> {
  const { suite, id } = loaded;
  const repository = await repositoryRoot(variantProgram(loaded, spec).moduleDir);
  if (base === 'release') {
    const { tag, revision } = await lastRelease(repository);
    return { revision, release: tag };
  }
  const path = baselinePath(baselines, suite, id);
  // Its design may be an old one: both programs run under today's.
  const baseline = await readBaseline(path);
  if (baseline === null) {
    throw incomparableError(
      `${suite}/${id} has no baseline: there is no ${path}.`,
      `npm run bench ${suite} three times, then: npm run baseline -- accept ${suite}; or name a base: --base origin/main`,
    );
  }
  if (baseline.suite !== suite || baseline.scenario !== id) {
    throw incomparableError(
      `${path} is the baseline of ${baseline.suite}/${baseline.scenario}, not of ${suite}/${id}.`,
      `git checkout -- ${path}, or npm run baseline -- accept ${suite}`,
    );
  }
  const revision = await recordedRevision(repository, { path, suite, revision: baseline.revision });
  return { revision, recordedGo: baseline.fingerprint.goVersion };
}

/** What a gate's record says of how its bases were found; nothing where the user named a revision. */
export function baseRecord(
  bases: readonly UnitBase[],
): Pick<GateRecord['base'], 'recordedGo' | 'release'> {
  const recordedGo = [...new Set(bases.flatMap((base) => base.recordedGo ?? []))].sort();
  const release = bases.find((base) => base.release !== undefined)?.release;
  return {
    ...(recordedGo.length === 0 ? {} : { recordedGo }),
    ...(release === undefined ? {} : { release }),
  };
}
