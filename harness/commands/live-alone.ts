import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { grown, type RoundView, roundReaders } from '../analyze/round-values.ts';
import { dataFilePath, makeDataFiles } from '../build/data-file.ts';
import { binaryPath, buildPrograms } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools, variantProgram } from '../build/programs.ts';
import type { Snapshot } from '../capture/counters.ts';
import { type AloneWindow, runFixtureAlone } from '../capture/fixture-alone.ts';
import { allowedCpus } from '../host/cpus.ts';
import { lockMeasuring } from '../run/lock.ts';
import { placeOn } from '../run/placement.ts';
import { mergeGateMetrics } from '../scenario/meaning.ts';
import { isFixture, type LoadedScenario } from '../scenario/scenario.ts';
import { type AlonePair, aloneEffect } from '../selftest/live/alone-effect.ts';
import type { LiveDecision } from '../selftest/live/decision.ts';

/** Pairs of runs, of which six at least must be usable. */
const pairs = 12;

/** What the knob does to each quantity: read by the harness's own counters, beside no other program. */
export async function measureAlone(
  loaded: LoadedScenario,
  args: readonly string[],
  { signal, onRun }: { signal: AbortSignal; onRun: (done: number, of: number) => void },
): Promise<NonNullable<LiveDecision['alone']>> {
  const { scenario, recording } = loaded;
  const spec = scenario.variants[scenario.reference];
  if (spec === undefined || !isFixture(spec)) {
    throw new Error(`${loaded.id} has no fixture as its reference`);
  }
  const release = await lockMeasuring();
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-alone-'));
  try {
    const { load } = scenario;
    const programs = [variantProgram(loaded, spec), tools.loadgen];
    const { builds } = await buildPrograms(await findGo(), programs, () => {});
    const [build] = builds;
    if (build === undefined) {
      throw new Error(`${loaded.id} was not built`);
    }
    await makeDataFiles([loaded]);
    const common = {
      ...{ build, load, signal, recording: recording?.path },
      dataArgs: load.protocol === 'block-4k' ? [`--data=${dataFilePath(load.pages)}`] : [],
      loadgen: binaryPath(tools.loadgen),
      placement: placeOn(await allowedCpus()),
    };
    const run = (kind: 'with' | 'without', pair: number, seed: string) =>
      runFixtureAlone({
        ...common,
        spec: kind === 'with' ? { ...spec, args: [...(spec.args ?? []), ...args] } : spec,
        seed,
        dir: join(dir, `${kind}-${pair}`),
      });
    const seen: { without: AloneWindow; with: AloneWindow }[] = [];
    for (let pair = 0; pair < pairs; pair++) {
      // Both of a pair get the same schedule; who goes first changes from pair to pair.
      const seed = randomBytes(8).readBigUInt64BE().toString();
      const windows: Partial<Record<'with' | 'without', AloneWindow>> = {};
      for (const kind of pair % 2 === 0 ? order : order.toReversed()) {
        windows[kind] = await run(kind, pair, seed);
      }
      seen.push(windows as Record<'with' | 'without', AloneWindow>);
      onRun(pair + 1, pairs);
    }
    return effectsOf(seen);
  } finally {
    release();
    await rm(dir, { recursive: true, force: true });
  }
}

const order = ['without', 'with'] as const;

function effectsOf(seen: readonly Record<'with' | 'without', AloneWindow>[]) {
  const effects: NonNullable<LiveDecision['alone']> = {};
  const add = (name: string, read: (window: AloneWindow) => number | null, offset = 0) => {
    const values = seen.map(
      (both): AlonePair => ({ without: read(both.without), with: read(both.with) }),
    );
    const effect = aloneEffect(values, offset);
    if (effect !== null) {
      effects[name] = effect;
    }
  };
  for (const metric of mergeGateMetrics) {
    // As the gate compares it: a count may be nothing.
    add(metric, (window) => roundReaders[metric](viewOf(window)), countOffset[metric] ?? 0);
  }
  add('open-descriptors-per-1000', descriptorsPerThousand, 1);
  return effects;
}

const countOffset: Partial<Record<(typeof mergeGateMetrics)[number], number>> = {
  'allocations-per-request': 1,
};

function viewOf({ load, edges }: AloneWindow): RoundView {
  return {
    ...{ unobserved: load, unobservedEdges: edges },
    ...{ observed: undefined, observedEdges: undefined, probe: undefined },
  };
}

function descriptorsPerThousand({ load, edges }: AloneWindow): number | null {
  const total = ({ proc: { openFds } }: Snapshot) =>
    openFds && Object.values(openFds).reduce((sum, count) => sum + count, 0);
  const left = grown(edges, total);
  return left === null || load.completed === 0 ? null : (1_000 * left) / load.completed;
}
