import { type MetricId, metrics } from './metric.ts';
import type { BudgetOverride, Gate, Scenario } from './scenario.ts';

/** The absolute limits of one metric, in its base unit; at least one of the two is there. */
export interface Budget {
  /** Crossing it is shown and changes no exit code. */
  warn?: number;
  /** Crossing it fails the run. */
  fail?: number;
}

/** The absolute limits of a gate; null where it has none. A bare number is the fail level. */
export function budgetOf({ maxNs, maxCount }: Gate): Budget | null {
  const written = maxNs ?? maxCount;
  return typeof written === 'number' ? { fail: written } : (written ?? null);
}

/** A budget with those levels replaced that an override names. */
export function overridden(budget: Budget, { warn, fail }: BudgetOverride): Budget {
  return {
    ...budget,
    ...(warn === undefined ? {} : { warn }),
    ...(fail === undefined ? {} : { fail }),
  };
}

/** Why the two levels contradict each other; null where they do not. */
export function levelsFault({ warn, fail }: Budget, metric: MetricId): string | null {
  const { better } = metrics[metric];
  if (warn === undefined || fail === undefined) {
    return null;
  }
  const stricter = better === 'lower' ? warn < fail : warn > fail;
  return stricter
    ? null
    : `"warn": ${warn} seen with "fail": ${fail}; ${better} is better, allowed: a warn level ${better} than the fail level`;
}

/** Where and when a run was measured, as its record says. */
export interface RunPlace {
  /** Absent where nobody could tell. */
  branch?: string;
  /** ISO 8601, UTC. */
  startedAt: string;
}

/** The overrides of the run's branch that a metric of a variant meets. */
export interface OverrideChoice {
  /** The one that counts; null where none does. */
  applied: BudgetOverride | null;
  /** Those whose last day was over when the run began. */
  expired: BudgetOverride[];
}

/**
 * Which override of a scenario counts: of the run's branch, on its last day still, and one that
 * names the variant before one for all. Reads the record's date, so that a report repeats.
 */
export function chooseOverride(
  { budgetOverrides = [] }: Pick<Scenario, 'budgetOverrides'>,
  { variant, metric }: { variant: string; metric: string },
  { branch, startedAt }: RunPlace,
): OverrideChoice {
  const day = startedAt.slice(0, 'YYYY-MM-DD'.length);
  const own = budgetOverrides.filter(
    (override) =>
      override.branch === branch &&
      override.metric === metric &&
      (override.variant ?? variant) === variant,
  );
  const live = own.filter(({ expires }) => day <= expires);
  const applied = live.find((override) => override.variant !== undefined) ?? live[0] ?? null;
  return { applied, expired: own.filter(({ expires }) => day > expires) };
}
