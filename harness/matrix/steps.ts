import {
  expectedRoundMs,
  groupName,
  type MatrixGroup,
  type MatrixPlan,
  type PlannedTurns,
  type Stage,
  stages,
} from './plan.ts';
import type { MatrixRecord } from './record.ts';

/** One round of one stage of one group. */
export interface Step {
  plan: MatrixPlan;
  group: MatrixGroup;
  stage: Stage;
  planned: PlannedTurns;
}

/** Every round, in run order; those of groups that cannot be tested here are left out. */
export function stepsOf({ plans, untestable }: Pick<MatrixRecord, 'plans' | 'untestable'>): Step[] {
  return plans.flatMap((plan) =>
    plan.groups
      .filter((group) => !Object.hasOwn(untestable, groupName(group)))
      .flatMap((group) =>
        stages.flatMap((stage) => group[stage].map((planned) => ({ plan, group, stage, planned }))),
      ),
  );
}

/** Whether a server runs on this machine. */
export function canRun(
  { untestable }: Pick<MatrixRecord, 'untestable'>,
  matrix: string,
  server: string,
): boolean {
  return !Object.hasOwn(untestable, `${matrix}/${server}`);
}

/** Time that the steps will take, in ms. */
export function expectedMs(
  record: Pick<MatrixRecord, 'untestable'>,
  steps: readonly Step[],
): number {
  return steps.reduce(
    (sum, step) =>
      sum + expectedRoundMs(step.plan, step, (server) => canRun(record, step.plan.id, server)),
    0,
  );
}

/** Time that is left, corrected by how the rounds of this sitting kept to theirs. */
export function remainingMs(
  record: Pick<MatrixRecord, 'untestable'>,
  { done, left, tookMs }: { done: readonly Step[]; left: readonly Step[]; tookMs: number },
): number {
  const planned = expectedMs(record, done);
  return expectedMs(record, left) * (planned > 0 ? tookMs / planned : 1);
}
