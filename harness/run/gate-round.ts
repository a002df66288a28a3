import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ArmBuild } from '../build/arm-builds.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson } from '../lib/json.ts';
import type { GatePlan, PlannedGateRound } from '../plan/gate-plan.ts';
import { type Arm, type ByArm, eachArm, type GateMode } from '../scenario/arm.ts';
import { isFixture, type Load } from '../scenario/scenario.ts';
import { amongServers } from './among-servers.ts';
import type { Listener } from './events.ts';
import { type GateRound, gateFiles } from './gate-record.ts';
import { Loadgen, type Phase } from './loadgen.ts';
import type { Placement } from './placement.ts';
import { type Server, startFixture, startPackage } from './server.ts';
import { edges, takeSnapshots } from './snapshot.ts';

/** What the rounds of a unit share. */
export interface GateContext {
  /** Where the run leaves its evidence. */
  runDir: string;
  runId: string;
  builds: ByArm<ArmBuild>;
  /** Path of the load generator. */
  loadgen: string;
  /** Arguments that the harness adds for every fixture: its data file. */
  fixtureArgs: readonly string[];
  /** Arguments that the head, one of our fixtures, gets besides: a trial of the gate. None by default. */
  headArgs?: readonly string[];
  /** Absolute path of the recording that the scenario replays, if it does. */
  recording: string | undefined;
  placement: Placement;
  signal: AbortSignal;
  listen: Listener;
}

/**
 * One round: the three programs as fresh processes, warm-up, the mixed window, the sliced one, stop.
 * Writes what the generator did into the round's folder, and gate-round.json last.
 * @param context with the builds that this round is to start
 */
export async function runGateRound(
  plan: GatePlan,
  planned: PlannedGateRound,
  context: GateContext,
): Promise<void> {
  const dir = gateFiles.roundDir(context.runDir, plan, planned.round);
  await mkdir(dir, { recursive: true });
  const phases = plannedPhases(plan);
  const { servers, measured } = await amongServers({
    signal: context.signal,
    starts: planned.order.map((arm) => () => startArm(plan, arm, context)),
    connect: (running) =>
      Loadgen.start({
        binary: context.loadgen,
        outDir: dir,
        load: slicedLoad(plan),
        arms: running.map((s) => ({ name: s.variant, address: s.record.address })),
        seed: planned.seed,
        phases,
        cpu: context.placement.generator,
        recording: context.recording,
      }),
    measure: (running, generator) => measure({ phases, servers: running, generator, context }),
  });
  const record: GateRound = {
    schema: 1,
    runId: context.runId,
    round: planned.round,
    order: planned.order,
    servers: eachArm((arm) => ofArm(servers, arm).record),
    windows: measured,
  };
  await writeFileAtomic(join(dir, gateFiles.round), formatJson(record));
}

/** The phases say themselves how they share the load; what is said for all is that of the slices. */
function slicedLoad({ load, sliceMs }: GatePlan): Load {
  return { ...load, interleave: 'slice', sliceMs };
}

function plannedPhases({ windows }: GatePlan): Phase[] {
  const { warmupMs, mixedMs, slicedMs } = windows;
  return [
    { name: 'warmup', durationMs: warmupMs, record: false, interleave: 'request' },
    { name: 'mixed', durationMs: mixedMs, record: true, interleave: 'request' },
    { name: 'sliced', durationMs: slicedMs, record: true, interleave: 'slice' },
  ];
}

interface Measuring {
  phases: readonly Phase[];
  servers: readonly Server[];
  generator: Loadgen;
  context: GateContext;
}

async function measure(round: Measuring): Promise<GateRound['windows']> {
  await runPhase(round, 'warmup');
  return {
    mixed: await measureWindow(round, 'mixed'),
    sliced: await measureWindow(round, 'sliced'),
  };
}

async function measureWindow(
  round: Measuring,
  mode: GateMode,
): Promise<GateRound['windows'][GateMode]> {
  const begin = await takeSnapshots(round.servers);
  await runPhase(round, mode);
  const both = edges(begin, await takeSnapshots(round.servers));
  return eachArm((arm) => {
    const edge = both[arm];
    if (edge === undefined) {
      throw new Error(`${arm} was not read at the edges of ${mode}`);
    }
    return edge;
  });
}

async function runPhase({ phases, generator, context }: Measuring, name: string): Promise<void> {
  const durationMs = phases.find((phase) => phase.name === name)?.durationMs ?? 0;
  context.listen({ type: 'phase', phase: name, durationMs });
  await generator.run(name, (progress) => context.listen({ type: 'load', progress }));
}

export function startArm({ spec }: GatePlan, arm: Arm, context: GateContext): Promise<Server> {
  const options = {
    variant: arm,
    build: context.builds[arm],
    cpus: context.placement.servers,
    signal: context.signal,
  };
  return isFixture(spec)
    ? startFixture(
        { ...spec, args: fixtureArgs(spec.args, arm, context) },
        { ...options, dataArgs: context.fixtureArgs },
      )
    : startPackage(spec, { ...options, dataArgs: [] });
}

/** Of two equal flags a fixture takes the last one, which is the trial's. */
export function fixtureArgs(
  own: readonly string[] = [],
  arm: Arm,
  { headArgs = [] }: Pick<GateContext, 'headArgs'>,
): string[] {
  return arm === 'head' ? [...own, ...headArgs] : [...own];
}

function ofArm(servers: readonly Server[], arm: Arm): Server {
  const server = servers.find(({ variant }) => variant === arm);
  if (server === undefined) {
    throw new Error(`the round started no ${arm}`);
  }
  return server;
}
