import { chooseOverride, type RunPlace } from '../scenario/budget.ts';
import { isMetricId, metrics } from '../scenario/metric.ts';
import type { BudgetOverride, Scenario } from '../scenario/scenario.ts';

/** "override on topic until 2026-12-01: the pool is being rewritten". */
export function appliedWords({ branch, expires, reason }: BudgetOverride): string {
  return `override on ${branch} until ${expires}: ${reason}`;
}

/** "the override on topic expired on 2026-11-01 and does not apply: …". */
export function expiredWords({ branch, expires, reason }: BudgetOverride): string {
  return `the override on ${branch} expired on ${expires} and does not apply: ${reason}`;
}

/** What a reader of any outcome must know: which overrides count in this run, and which no more. */
export function overrideWarnings(scenario: Scenario, place: RunPlace): string[] {
  const { budgetOverrides = [], variants } = scenario;
  if (budgetOverrides.length > 0 && place.branch === undefined) {
    return ['the branch of this run is not known: no budget override applies'];
  }
  const choices = budgetOverrides.flatMap(({ metric }) =>
    Object.keys(variants).map((variant) => chooseOverride(scenario, { variant, metric }, place)),
  );
  const applied = new Set(choices.map((choice) => choice.applied));
  const expired = new Set(choices.flatMap((choice) => choice.expired));
  return budgetOverrides.flatMap((override) => {
    const of = `budget of ${subject(override)}: `;
    return [
      ...(applied.has(override) ? [of + appliedWords(override)] : []),
      ...(expired.has(override) ? [of + expiredWords(override)] : []),
    ];
  });
}

function subject({ metric, variant }: BudgetOverride): string {
  const label = isMetricId(metric) ? metrics[metric].label : metric;
  return variant === undefined ? label : `${variant} ${label}`;
}
