import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FixtureBuild } from '../build/fixture-build.ts';
import { infrastructureError } from '../lib/errors.ts';
import { ownValue, readJson } from '../lib/json.ts';
import { amongServers } from '../run/among-servers.ts';
import { Loadgen, type Phase } from '../run/loadgen.ts';
import type { Placement } from '../run/placement.ts';
import { roundFiles } from '../run/run-directory.ts';
import { startFixture } from '../run/server.ts';
import { edges, takeSnapshots } from '../run/snapshot.ts';
import type { FixtureVariant, Load } from '../scenario/scenario.ts';
import type { Snapshot } from './counters.ts';
import { type ArmLoad, LoadResult } from './load-result.ts';

export interface AloneOptions {
  spec: FixtureVariant;
  build: FixtureBuild;
  /** Arguments that the harness adds: the data file of block-4k. */
  dataArgs: readonly string[];
  load: Load;
  /** Path of the load generator. */
  loadgen: string;
  /** Absolute path of the recording that the scenario replays, if it does. */
  recording: string | undefined;
  /** Of the schedule, a decimal uint64. */
  seed: string;
  /** Receives what the generator writes. */
  dir: string;
  placement: Placement;
  signal: AbortSignal;
}

const name = 'alone';
const phases: readonly Phase[] = [
  { name: 'warmup', durationMs: 500, record: false },
  { name, durationMs: 2_000, record: true },
];

/** What one window of a fixture that had the machine to itself left. */
export interface AloneWindow {
  load: ArmLoad;
  edges: { begin: Snapshot; end: Snapshot };
}

/** A fresh process of one fixture, loaded for two seconds with nothing beside it. */
export async function runFixtureAlone(options: AloneOptions): Promise<AloneWindow> {
  const { dir, load, placement, signal } = options;
  await mkdir(dir, { recursive: true });
  const { measured } = await amongServers({
    signal,
    starts: [
      () =>
        startFixture(options.spec, {
          variant: name,
          build: options.build,
          cpus: placement.servers,
          dataArgs: options.dataArgs,
          signal,
        }),
    ],
    connect: (servers) =>
      Loadgen.start({
        binary: options.loadgen,
        outDir: dir,
        load: { ...load, interleave: 'request' },
        arms: servers.map(({ variant, record }) => ({ name: variant, address: record.address })),
        seed: options.seed,
        phases,
        cpu: placement.generator,
        recording: options.recording,
      }),
    measure: async (servers, generator) => {
      await generator.run('warmup', () => {});
      const begin = await takeSnapshots(servers);
      await generator.run(name, () => {});
      return ownValue(edges(begin, await takeSnapshots(servers)), name);
    },
  });
  const remedy = 'run it again';
  const result = await readJson(join(dir, roundFiles.load), LoadResult, { remedy });
  const own = ownValue(result.phases.find((phase) => phase.name === name)?.arms, name);
  if (own === undefined || measured === undefined) {
    throw infrastructureError(`${dir}: the window was not recorded.`, remedy);
  }
  return { load: own, edges: measured };
}
