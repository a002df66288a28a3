import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson } from '../lib/json.ts';
import type { Plan, PlannedRound } from '../plan/plan.ts';
import { isFixture, settleMs } from '../scenario/scenario.ts';
import { amongServers } from './among-servers.ts';
import { Loadgen, type Phase } from './loadgen.ts';
import { observe } from './observe.ts';
import type { RoundContext } from './round-context.ts';
import { roundFiles } from './run-directory.ts';
import type { RoundRecord } from './run-record.ts';
import { type Server, startFixture, startPackage } from './server.ts';
import { edges, takeSnapshots } from './snapshot.ts';

/**
 * One round: fresh servers, warm-up, the unobserved window, then the observed one at the same
 * load, stop. Writes its captures into `dir` and round.json last.
 */
export async function runRound(
  plan: Plan,
  planned: PlannedRound,
  context: RoundContext,
  dir: string,
): Promise<void> {
  await mkdir(dir, { recursive: true });
  const { servers, measured } = await amongServers({
    signal: context.signal,
    starts: planned.order.map((variant) => () => startServer(plan, variant, context)),
    connect: (running) =>
      Loadgen.start({
        binary: context.loadgen,
        outDir: dir,
        load: plan.scenario.load,
        arms: running.map((s) => ({ name: s.variant, address: s.record.address })),
        seed: planned.seed,
        phases: plannedPhases(plan),
        cpu: context.placement.generator,
        recording: context.recording,
      }),
    measure: (running, generator) =>
      measure({ plan, planned, context, dir, servers: running, generator }),
  });
  const record: RoundRecord = {
    schema: 1,
    round: planned.round,
    servers: Object.fromEntries(servers.map((server) => [server.variant, server.record])),
    ...measured,
  };
  await writeFileAtomic(join(dir, roundFiles.record), formatJson(record));
}

interface Measuring {
  plan: Plan;
  planned: PlannedRound;
  context: RoundContext;
  dir: string;
  servers: readonly Server[];
  generator: Loadgen;
}

async function measure(round: Measuring): Promise<Pick<RoundRecord, 'windows' | 'missing'>> {
  const { plan, servers, context } = round;
  const { warmupMs, unobservedMs } = plan.windows;
  if (warmupMs > 0) {
    await runPhase(round, 'warmup', warmupMs);
  }
  const unobservedBegin = await takeSnapshots(servers);
  await runPhase(round, 'unobserved', unobservedMs);
  const unobservedEnd = await takeSnapshots(servers);
  const { observed, missing } = await observe({
    ...round,
    netprobe: context.netprobe,
    settle: () => runPhase(round, 'settle', settleMs),
    load: () => runPhase(round, 'observed', plan.windows.observedMs),
  });
  return {
    windows: { unobserved: edges(unobservedBegin, unobservedEnd), observed },
    missing,
  };
}

async function runPhase(round: Measuring, name: string, durationMs: number): Promise<void> {
  const { listen } = round.context;
  listen({ type: 'phase', phase: name, durationMs });
  await round.generator.run(name, (progress) => listen({ type: 'load', progress }));
}

function plannedPhases(plan: Plan): Phase[] {
  const { warmupMs, unobservedMs, observedMs } = plan.windows;
  return [
    { name: 'warmup', durationMs: warmupMs, record: false },
    { name: 'unobserved', durationMs: unobservedMs, record: true },
    { name: 'settle', durationMs: settleMs, record: false },
    { name: 'observed', durationMs: observedMs, record: true },
  ].filter((phase) => phase.durationMs > 0);
}

/** Starts the server of one variant, pinned to the CPUs of the servers. */
export async function startServer(
  plan: Plan,
  variant: string,
  context: RoundContext,
): Promise<Server> {
  const spec = plan.scenario.variants[variant];
  const build = context.builds.get(variant);
  if (spec === undefined || build === undefined) {
    throw new Error(`the plan names ${variant}, which has no ${spec ? 'build' : 'variant'}`);
  }
  const options = {
    variant,
    build,
    cpus: context.placement.servers,
    signal: context.signal,
  };
  return isFixture(spec)
    ? startFixture(spec, { ...options, dataArgs: context.fixtureArgs })
    : startPackage(spec, { ...options, dataArgs: [] });
}
