import { mkdir } from 'node:fs/promises';
import { captureClosedLoop } from '../capture/closed-loop.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { orAborted } from '../lib/interrupt.ts';
import { formatJson } from '../lib/json.ts';
import type { Plan } from '../plan/plan.ts';
import { runRound, startServer } from './round.ts';
import type { RoundContext } from './round-context.ts';
import { runFiles } from './run-directory.ts';
import type { ClosedLoop } from './run-record.ts';
import { stopServer } from './server.ts';

/** Runs every round of every plan into the run directory, one after the other. */
export async function runSuite(
  plans: readonly Plan[],
  runDir: string,
  contextOf: (plan: Plan) => RoundContext,
): Promise<void> {
  for (const plan of plans) {
    const context = contextOf(plan);
    const { id, rounds } = plan;
    context.listen({ type: 'scenario', id, rounds: rounds.length, expectedMs: expectedMs(plan) });
    await mkdir(runFiles.roundDir(runDir, id, 1), { recursive: true });
    for (const planned of rounds) {
      context.signal.throwIfAborted();
      context.listen({ type: 'round', id, round: planned.round, of: rounds.length });
      await runRound(plan, planned, context, runFiles.roundDir(runDir, id, planned.round));
    }
    await runClosedLoop(plan, context, runDir);
    context.signal.throwIfAborted();
  }
}

/** Starting, attaching, settling and stopping, measured at about this much for each round. */
const roundOverheadMs = 2_500;

/** How long a scenario will take, for the time left in the progress display. */
function expectedMs({ windows, rounds, scenario }: Plan): number {
  const perRound = windows.warmupMs + windows.unobservedMs + windows.observedMs + roundOverheadMs;
  const closedLoop = scenario.closedLoop
    ? (2 * scenario.closedLoop.durationMs + roundOverheadMs) * Object.keys(scenario.variants).length
    : 0;
  return perRound * rounds.length + closedLoop;
}

/**
 * Closed loops against each variant alone, in the plan's order: autocannon for the throughput figure,
 * and our generator beside it. Who comes first changes from variant to variant, because the second
 * one meets a server that is warm.
 */
async function runClosedLoop(plan: Plan, context: RoundContext, runDir: string): Promise<void> {
  const { closedLoop, load, variants } = plan.scenario;
  if (closedLoop === undefined || load.protocol !== 'http1') {
    return;
  }
  const result: ClosedLoop = { schema: 2, variants: {} };
  const seed = plan.rounds[0]?.seed ?? '0';
  for (const [index, variant] of Object.keys(variants).entries()) {
    context.signal.throwIfAborted();
    context.listen({
      type: 'phase',
      phase: `closed loop, ${variant}`,
      durationMs: 2 * closedLoop.durationMs,
    });
    const first = (BigInt(seed) + BigInt(index)) % 2n === 0n ? 'autocannon' : 'generator';
    const server = await startServer(plan, variant, context);
    try {
      const captured = captureClosedLoop({
        ...{ variant, address: server.record.address, load, ...closedLoop, first, seed },
        cpu: context.placement.generator,
        loadgen: context.loadgen,
        outDir: runFiles.closedLoopDir(runDir, plan.id, variant),
      });
      result.variants[variant] = await orAborted(context.signal, captured);
      await stopServer(server);
    } finally {
      await server.child.stop(0);
    }
  }
  await writeFileAtomic(runFiles.closedLoop(runDir, plan.id), formatJson(result));
}
