import { writeFileAtomic } from '../lib/fs.ts';
import { formatJson } from '../lib/json.ts';
import { type GatePlan, unitName } from '../plan/gate-plan.ts';
import { FreshCopies } from './fresh-copy.ts';
import { type GateRecord, gateFiles } from './gate-record.ts';
import { type GateContext, runGateRound } from './gate-round.ts';

/** Whether another round is wanted. */
export type GateStep = 'go-on' | 'stop';

export interface GateHooks {
  /** Asked after every round, when its evidence is on disk. */
  afterRound: (round: number) => Promise<GateStep>;
}

/** Starting and stopping three programs and the generator, measured at about this much for each round. */
const roundOverheadMs = 500;

/**
 * Runs the rounds of one unit, one after the other, until no other is wanted or the plan ends. The
 * caller holds the lock (lock.ts).
 * @returns how many were run
 */
export async function runGate(
  plan: GatePlan,
  context: GateContext,
  { afterRound }: GateHooks,
): Promise<number> {
  const { rounds, windows } = plan;
  const roundMs = windows.warmupMs + windows.mixedMs + windows.slicedMs + roundOverheadMs;
  const unit = { id: unitName(plan), rounds: rounds.length };
  context.listen({ type: 'scenario', ...unit, expectedMs: roundMs * rounds.length });
  const copies = await FreshCopies.open();
  try {
    for (const planned of rounds) {
      context.signal.throwIfAborted();
      context.listen({ type: 'round', id: unit.id, round: planned.round, of: rounds.length });
      const builds = await copies.make(context.builds);
      await runGateRound(plan, planned, { ...context, builds });
      if ((await afterRound(planned.round)) === 'stop') {
        return planned.round;
      }
    }
    return rounds.length;
  } finally {
    await copies.close();
  }
}

/** Writes the run's record; again whenever it changes. */
export async function saveGateRecord(runDir: string, record: GateRecord): Promise<void> {
  await writeFileAtomic(gateFiles.record(runDir), formatJson(record));
}
