import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { FixtureBuild } from '../build/fixture-build.ts';
import type { FixtureCounters } from '../capture/counters.ts';
import { LoadResult } from '../capture/load-result.ts';
import { infrastructureError } from '../lib/errors.ts';
import { ownValue, readJson } from '../lib/json.ts';
import { amongServers } from '../run/among-servers.ts';
import { Loadgen, type Phase } from '../run/loadgen.ts';
import type { Placement } from '../run/placement.ts';
import { roundFiles } from '../run/run-directory.ts';
import { type Server, startFixture } from '../run/server.ts';
import { takeSnapshots } from '../run/snapshot.ts';
import type { FixtureVariant, Load } from '../scenario/scenario.ts';
import type { WatchedWindow } from './result.ts';
import type { Attached, Watch } from './watch.ts';

/** Connections of the generator. */
export const connections = 64;

/** The server that is watched. */
export const serverSpec: FixtureVariant = { fixture: 'hello-http', netpoller: 'epoll' };

export interface MeasureOptions {
  build: FixtureBuild;
  /** Path of the load generator. */
  loadgen: string;
  placement: Placement;
  /** Requests per second of the open loop; null: closed loop. */
  ratePerSec: number | null;
  /** How many windows follow each other, and what watches in each; null: nothing. */
  windows: readonly (Watch | null)[];
  windowMs: number;
  /** Of the schedule, a decimal uint64. */
  seed: string;
  /** Receives what the generator and netprobe write. */
  dir: string;
  signal: AbortSignal;
}

const variant = 'server';
const warmUpMs = 500;
/** Before each window the load goes on for so long, whether something was attached or not. */
const settleMs = 200;

/** A fresh server, loaded through all windows one after the other, each watched as asked. */
export async function measureWindows(options: MeasureOptions): Promise<WatchedWindow[]> {
  const { dir, placement, windowMs, ratePerSec, windows, signal } = options;
  await mkdir(dir, { recursive: true });
  const { measured } = await amongServers({
    signal,
    starts: [
      () =>
        startFixture(serverSpec, {
          ...{ variant, build: options.build, cpus: placement.servers, dataArgs: [], signal },
        }),
    ],
    connect: (servers) =>
      Loadgen.start({
        binary: options.loadgen,
        outDir: dir,
        load: loadOf(ratePerSec),
        arms: servers.map(({ record }) => ({ name: variant, address: record.address })),
        seed: options.seed,
        phases: phasesOf(windows.length, windowMs),
        cpu: placement.generator,
        ...(ratePerSec === null ? { closedLoop: { connections } } : {}),
      }),
    measure: async (servers, generator) => {
      await generator.run('warm-up', () => {});
      const seen: ServerWindow[] = [];
      for (const [index, watch] of windows.entries()) {
        seen.push(await through(servers, generator, { watch, index, dir }));
      }
      return seen;
    },
  });
  const result = await readJson(join(dir, roundFiles.load), LoadResult, { remedy });
  return measured.map((server, index) => windowOf(server, result, index));
}

const remedy = 'run it again';

function loadOf(ratePerSec: number | null): Load {
  return {
    ...{ protocol: 'http1', method: 'GET', path: '/', expectStatus: 200 },
    ...{ connectionsPerVariant: connections, interleave: 'request', sliceMs: 100 },
    ...{ requestTimeoutMs: 5_000, ...(ratePerSec === null ? {} : { ratePerSec }) },
  };
}

const names = {
  settle: (index: number) => `settle-${index + 1}`,
  window: (index: number) => `window-${index + 1}`,
} as const;

function phasesOf(windows: number, windowMs: number): Phase[] {
  const each = Array.from({ length: windows }, (_, index): Phase[] => [
    { name: names.settle(index), durationMs: settleMs, record: false },
    { name: names.window(index), durationMs: windowMs, record: true },
  ]);
  return [{ name: 'warm-up', durationMs: warmUpMs, record: false }, ...each.flat()];
}

/** What the server says of one window, and what watched it. */
interface ServerWindow {
  cpuNs: number;
  requests: number;
  estimatedRatio: number | null;
}

/** One window. What watches is attached and taken away while there is no load. */
async function through(
  servers: readonly Server[],
  generator: Loadgen,
  { watch, index, dir }: { watch: Watch | null; index: number; dir: string },
): Promise<ServerWindow> {
  const pid = servers[0]?.record.pid ?? 0;
  const attached: Attached | undefined = await watch?.attach(pid, dir);
  try {
    await generator.run(names.settle(index), () => {});
    await attached?.begin();
    const begin = await readCounters(servers);
    await generator.run(names.window(index), () => {});
    const end = await readCounters(servers);
    const estimatedRatio = (await attached?.end()) ?? null;
    const cpu = ({ userCpuNs, systemCpuNs }: FixtureCounters) => userCpuNs + systemCpuNs;
    return {
      cpuNs: cpu(end) - cpu(begin),
      requests: end.requests - begin.requests,
      estimatedRatio,
    };
  } finally {
    await attached?.stop();
  }
}

async function readCounters(servers: readonly Server[]): Promise<FixtureCounters> {
  const counters = ownValue(await takeSnapshots(servers), variant)?.fixture;
  if (!counters) {
    throw infrastructureError('The server gave no counters.', remedy);
  }
  return counters;
}

function windowOf(
  { cpuNs, requests, estimatedRatio }: ServerWindow,
  result: LoadResult,
  index: number,
): WatchedWindow {
  const phase = result.phases.find(({ name }) => name === names.window(index));
  const arm = ownValue(phase?.arms, variant);
  if (phase === undefined || arm === undefined || requests === 0) {
    throw infrastructureError(`No request was served in ${names.window(index)}.`, remedy);
  }
  return {
    cpuPerRequestNs: cpuNs / requests,
    ratePerSec: (arm.completed * 1e9) / (phase.endNs - phase.startNs),
    p99Ns: arm.latencyNs.p99,
    errors: Object.values(arm.errors).reduce((sum, count) => sum + count, 0),
    grade: arm.validity.absolute,
    estimatedRatio,
  };
}
