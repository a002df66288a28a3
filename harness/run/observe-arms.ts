import { mkdir, rm } from 'node:fs/promises';
import { captureQuietly, type NetprobeCommand } from '../capture/diag/script.ts';
import { sumTrace } from '../capture/diag/trace.ts';
import type { GatePlan } from '../plan/gate-plan.ts';
import type { Arm } from '../scenario/arm.ts';
import { amongServers } from './among-servers.ts';
import { gateFiles } from './gate-record.ts';
import { type GateContext, startArm } from './gate-round.ts';
import { Loadgen, type Phase } from './loadgen.ts';

/** Long enough for a hundred samples of a CPU that is busy for a tenth of the time. */
const observedSec = 8;
/** For what a capture does before and behind its window, measured at 3 to 5 s. */
const marginMs = 9_000;

export interface Observing {
  /** How netprobe is called. */
  netprobe: NetprobeCommand;
  /** How long each program is observed: 5 to 600 s, 8 s by default. */
  seconds?: number;
}

/** The two programs that a red is about. */
const explainedArms = ['base', 'head'] as const satisfies readonly Arm[];

/**
 * Looks at base and head of a unit with both views, each alone under the load that it had in its slices, and
 * leaves what was seen in folders of their own. Nothing of it is judged: observing costs.
 * @throws PollgateError where a program or the capture fails
 */
export async function observeArms(
  plan: GatePlan,
  context: GateContext,
  { netprobe, seconds = observedSec }: Observing,
): Promise<void> {
  const phases: readonly Phase[] = [
    { name: 'warmup', durationMs: 500, record: false },
    { name: 'observed', durationMs: seconds * 1_000 + marginMs, record: false },
  ];
  for (const arm of explainedArms) {
    const dir = gateFiles.whyDir(context.runDir, plan, arm);
    const scratch = `${dir}.load`;
    await mkdir(scratch, { recursive: true });
    await amongServers({
      signal: context.signal,
      starts: [() => startArm(plan, arm, context)],
      connect: ([server]) =>
        Loadgen.start({
          binary: context.loadgen,
          outDir: scratch,
          load: { ...plan.load, interleave: 'request' },
          arms: [{ name: arm, address: server?.record.address ?? '' }],
          seed: plan.seed,
          phases,
          cpu: context.placement.generator,
          recording: context.recording,
        }),
      measure: async ([server], generator) => {
        await generator.run('warmup', () => {});
        const words = [
          ...['--pid', String(server?.record.pid ?? 0), '--seconds', String(seconds), '--out', dir],
          // Its load is the trial's own: nobody is hurt by its CPU time.
          ...['--max-cpu-rise', '0'],
        ];
        await Promise.all([
          captureQuietly(words, netprobe, context.signal),
          generator.run('observed', () => {}),
        ]);
      },
    });
    await rm(scratch, { recursive: true, force: true });
    await sumTrace(dir);
  }
}
