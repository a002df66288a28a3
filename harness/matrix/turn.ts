import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FixtureBuild } from '../build/fixture-build.ts';
import { Netprobe } from '../capture/netprobe.ts';
import { countDescriptors } from '../capture/proc.ts';
import { messageOf } from '../lib/errors.ts';
import { amongServers } from '../run/among-servers.ts';
import type { Listener } from '../run/events.ts';
import { Loadgen, type Phase } from '../run/loadgen.ts';
import type { Placement } from '../run/placement.ts';
import { roundFiles } from '../run/run-directory.ts';
import { type Server, startFixture } from '../run/server.ts';
import { edges, takeSnapshots } from '../run/snapshot.ts';
import type { Load } from '../scenario/scenario.ts';
import type { MatrixDescription, MatrixServer } from './description.ts';
import type { Turn } from './record.ts';
import { readDeviceBytes, readRingThreads } from './ring-threads.ts';

/** Names of the generator's phases. */
export const phaseNames = {
  warmup: 'warmup',
  saturation: 'saturation',
  open: (percent: number) => `load-${percent}`,
  settle: 'settle',
  observed: 'observed',
} as const;

/** Between the attaching of the probes and the observed window the load goes on for this long. */
const settleMs = 300;
const acceptLimitMs = 5_000;
const acceptStepMs = 50;

export interface TurnOptions {
  /** Name of the server. */
  name: string;
  spec: MatrixServer;
  build: FixtureBuild;
  /** Of the condition, and the data file. */
  conditionArgs: readonly string[];
  load: Load;
  /** Requests are sent when the reply before is there. */
  closed: boolean;
  warmupMs: number;
  /** In the order in which they come; a rate only in open loop. */
  windows: readonly { name: string; durationMs: number; ratePerSec?: number }[];
  /** The window with probes attached comes last; undefined: there is none. */
  observed: { durationMs: number; ratePerSec: number; probes: readonly string[] } | undefined;
  seed: string;
  /** Receives what the generator and netprobe write. */
  dir: string;
  loadgen: string;
  /** How netprobe is called; undefined where it cannot run. */
  netprobe: readonly string[] | undefined;
  placement: Placement;
  signal: AbortSignal;
  listen: Listener;
}

/** The load that a generator is given: the description's protocol with one arm in one slice. */
export function turnLoad(
  { load }: MatrixDescription,
  { connections, pages, ratePerSec }: { connections: number; pages: number; ratePerSec?: number },
): Load {
  const { requestTimeoutMs } = load;
  const shared = {
    connectionsPerVariant: connections,
    interleave: 'slice' as const,
    sliceMs: 100,
    requestTimeoutMs,
    ...(ratePerSec === undefined ? {} : { ratePerSec }),
  };
  return load.protocol === 'block-4k'
    ? { protocol: 'block-4k', pages, ...shared }
    : { protocol: 'http1', method: 'GET', path: load.path, expectStatus: 200, ...shared };
}

/** One server, alone: fresh process, connections, warm-up, its windows, stop. */
export async function runTurn(options: TurnOptions): Promise<Turn> {
  const { name, spec, build, dir, placement, signal } = options;
  await mkdir(dir, { recursive: true });
  const { servers, measured } = await amongServers({
    signal,
    starts: [
      () =>
        startFixture(
          {
            ...{ fixture: spec.fixture, netpoller: spec.netpoller, args: spec.args ?? [] },
            ...(spec.env === undefined ? {} : { env: spec.env }),
          },
          {
            variant: name,
            build,
            cpus: placement.servers,
            dataArgs: options.conditionArgs,
            signal,
          },
        ),
    ],
    connect: (running) =>
      Loadgen.start({
        binary: options.loadgen,
        outDir: dir,
        load: options.load,
        arms: running.map(({ record }) => ({ name, address: record.address })),
        seed: options.seed,
        phases: phasesOf(options),
        cpu: placement.generator,
        ...(options.closed
          ? { closedLoop: { connections: options.load.connectionsPerVariant } }
          : {}),
      }),
    measure: ([server], generator) => {
      if (server === undefined) {
        throw new Error(`${name} was not started`);
      }
      return measure(options, server, generator);
    },
  });
  const [server] = servers;
  if (server === undefined) {
    throw new Error(`${name} was not started`);
  }
  return { server: server.record, ...measured };
}

function phasesOf({ warmupMs, windows, observed, closed, load }: TurnOptions): Phase[] {
  const warmup = { name: phaseNames.warmup, durationMs: warmupMs, record: false };
  const own = windows.map((window) => ({ ...window, record: true }));
  if (observed === undefined || closed) {
    return [warmup, ...own];
  }
  const { durationMs, ratePerSec } = observed;
  return [
    { ...warmup, ...(load.ratePerSec === undefined ? {} : { ratePerSec: load.ratePerSec }) },
    ...own,
    { name: phaseNames.settle, durationMs: settleMs, record: false, ratePerSec },
    { name: phaseNames.observed, durationMs, record: true, ratePerSec },
  ];
}

async function measure(
  options: TurnOptions,
  server: Server,
  generator: Loadgen,
): Promise<Omit<Turn, 'server'>> {
  const run = (phase: string, durationMs: number) => {
    options.listen({ type: 'phase', phase: `${options.name}, ${phase}`, durationMs });
    return generator.run(phase, (progress) => options.listen({ type: 'load', progress }));
  };
  await untilAccepted(server, options.load.connectionsPerVariant);
  await run(phaseNames.warmup, options.warmupMs);
  const windows: Turn['windows'] = {};
  for (const { name, durationMs } of options.windows) {
    windows[name] = await through(server, () => run(name, durationMs));
  }
  const ringThreads = await readRingThreads(server.record.pid);
  const missing: Turn['missing'] = {};
  const { observed } = options;
  if (observed !== undefined) {
    const lose = (error: unknown) => {
      options.signal.throwIfAborted();
      missing[roundFiles.netprobe] = messageOf(error);
      return undefined;
    };
    const probe = await attach(options, server, observed.probes).catch(lose);
    try {
      await run(phaseNames.settle, settleMs);
      const watching = await probe?.begin().then(() => probe, lose);
      windows[phaseNames.observed] = await through(server, () =>
        run(phaseNames.observed, observed.durationMs),
      );
      await watching?.end().catch(lose);
    } finally {
      await probe?.child.stop(1_000);
    }
  }
  return { windows, ringThreads, missing };
}

/** Connections that still wait to be accepted would be work of the windows. Gives up after a while. */
async function untilAccepted(server: Server, connections: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < acceptLimitMs; waitedMs += acceptStepMs) {
    const { socket = 0 } = (await countDescriptors(server.record.pid)) ?? { socket: connections };
    if (socket >= connections) {
      return;
    }
    await delay(acceptStepMs);
  }
}

async function through(
  server: Server,
  load: () => Promise<void>,
): Promise<Turn['windows'][string]> {
  const { pid } = server.record;
  const begin = await takeSnapshots([server]);
  const before = await readDeviceBytes(pid);
  await load();
  const after = await readDeviceBytes(pid);
  const both = edges(begin, await takeSnapshots([server]))[server.variant];
  if (both === undefined) {
    throw new Error(`${server.variant} was not read at the edges`);
  }
  return {
    edges: both,
    deviceReadBytes: before === null || after === null ? null : after - before,
  };
}

function attach(
  { netprobe, dir, name, load }: TurnOptions,
  server: Server,
  probes: readonly string[],
): Promise<Netprobe | undefined> {
  return netprobe === undefined
    ? Promise.resolve(undefined) // Said once for the whole run.
    : Netprobe.attach({
        command: netprobe,
        watch: { probes },
        mapEntries: Math.max(65_536, 4 * load.connectionsPerVariant),
        targets: { [name]: server.record.pid },
        outFile: join(dir, roundFiles.netprobe),
      });
}
