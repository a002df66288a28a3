import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Snapshot } from '../capture/counters.ts';
import { Netprobe } from '../capture/netprobe.ts';
import { fetchPprof } from '../capture/pprof.ts';
import { settleDescriptors } from '../capture/proc.ts';
import { messageOf } from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import type { Plan, PlannedRound } from '../plan/plan.ts';
import type { RoundContext } from './round-context.ts';
import { roundFiles } from './run-directory.ts';
import type { RoundRecord } from './run-record.ts';
import type { Server } from './server.ts';
import { edges, takeSnapshots } from './snapshot.ts';

export interface Observation {
  plan: Plan;
  planned: PlannedRound;
  context: RoundContext;
  dir: string;
  servers: readonly Server[];
  netprobe: readonly string[] | undefined;
  /** Runs the load for a moment with the probes attached, nothing recorded. */
  settle: () => Promise<void>;
  /** Runs the load of the observed window to its end. */
  load: () => Promise<void>;
}

/**
 * The observed window: probes and profiles attached, the load as before. A capture that fails is
 * lost with its reason; it never ends the round, whose unobserved window is already measured.
 */
export async function observe(
  observation: Observation,
): Promise<{ observed: RoundRecord['windows']['observed']; missing: Record<string, string> }> {
  const missing: Record<string, string> = {};
  const lose = (file: string) => (error: unknown) => {
    observation.context.signal.throwIfAborted();
    missing[file] = messageOf(error);
    return undefined;
  };
  const probe = await attach(observation).catch(lose(roundFiles.netprobe));
  try {
    await observation.settle();
    const begin: Record<string, Snapshot> = await takeSnapshots(observation.servers);
    // The snapshots' own connections must be closed before descriptors are counted.
    await settleAll(observation.servers);
    const watching = await probe?.begin().then(() => probe, lose(roundFiles.netprobe));
    // Held together: an interrupt ends all of them, and none may reject unheard.
    await Promise.all([
      ...observation.servers.map((server) => profile(observation, server, lose)),
      observation.load(),
    ]);
    await settleAll(observation.servers);
    await watching?.end().catch(lose(roundFiles.netprobe));
    const end = await takeSnapshots(observation.servers);
    return { observed: edges(begin, end), missing };
  } finally {
    await probe?.child.stop(1_000);
  }
}

async function settleAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(servers.map((server) => settleDescriptors(server.record.pid)));
}

async function attach(observation: Observation): Promise<Netprobe | undefined> {
  if (observation.netprobe === undefined) {
    return undefined; // Said once for the whole run, as a lost capability.
  }
  return Netprobe.attach({
    command: observation.netprobe,
    watch: { set: observation.plan.scenario.probes ?? 'runtime' },
    mapEntries: mapEntriesFor(observation.plan),
    targets: Object.fromEntries(observation.servers.map((s) => [s.variant, s.record.pid])),
    outFile: join(observation.dir, roundFiles.netprobe),
  });
}

/** Room for every connection several times over: descriptors, sockets and goroutines each have one. */
function mapEntriesFor({ scenario }: Plan): number {
  return Math.max(65_536, 4 * scenario.load.connectionsPerVariant);
}

type Lose = (file: string) => (error: unknown) => undefined;

/** One profiler at a time per round: with a trace running, a CPU profile shows the tracer. */
async function profile(observation: Observation, server: Server, lose: Lose): Promise<void> {
  const { pprofUrl, variant } = server;
  if (pprofUrl === undefined) {
    return;
  }
  const seconds = Math.max(1, Math.floor(observation.plan.windows.observedMs / 1000));
  const { signal } = observation.context;
  const save = async (query: string, file: string, durationMs: number) => {
    const bytes = await fetchPprof(pprofUrl, query, durationMs, signal);
    await writeFileAtomic(join(observation.dir, file), bytes);
  };
  if (observation.planned.observe === 'trace') {
    const file = roundFiles.traceSummary(variant);
    await summarizeTrace(observation, variant, () =>
      save(`trace?seconds=${seconds}`, `${variant}.trace`, seconds * 1000),
    ).catch(lose(file));
    return;
  }
  const cpu = roundFiles.cpuProfile(variant);
  await save(`profile?seconds=${seconds}`, cpu, seconds * 1000).catch(lose(cpu));
  const goroutine = roundFiles.goroutineProfile(variant);
  await save('goroutine', goroutine, 0).catch(lose(goroutine));
}

/** A trace is megabytes a second; what is kept of it is its summary. */
async function summarizeTrace(
  { dir, context }: Observation,
  variant: string,
  fetchTrace: () => Promise<void>,
): Promise<void> {
  const raw = join(dir, `${variant}.trace`);
  try {
    await fetchTrace();
    const { stdout } = await execa(context.tracesum, ['-stacks', raw], { timeout: 60_000 });
    await writeFileAtomic(join(dir, roundFiles.traceSummary(variant)), `${stdout}\n`);
  } finally {
    await rm(raw, { force: true });
  }
}
