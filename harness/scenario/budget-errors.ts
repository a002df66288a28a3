import { budgetOf, levelsFault, overridden } from './budget.ts';
import { isMetricId } from './metric.ts';
import type { BudgetOverride, Scenario } from './scenario.ts';

/** What a JSON schema cannot say of budgets: levels in order, overrides of something that is there. */
export function* budgetErrors(scenario: Scenario): Generator<string> {
  for (const [metric, gate] of Object.entries(scenario.gates)) {
    const fault = isMetricId(metric) ? levelsFault(budgetOf(gate) ?? {}, metric) : null;
    if (fault !== null) {
      yield `/gates/${metric}: ${fault}`;
    }
  }
  const seen = new Set<string>();
  for (const [index, override] of (scenario.budgetOverrides ?? []).entries()) {
    const at = `/budgetOverrides/${index}`;
    yield* overrideErrors(at, override, scenario);
    const { branch, variant, metric } = override;
    const key = JSON.stringify([branch, variant ?? null, metric]);
    if (seen.has(key)) {
      yield `${at}: the second one for the same branch, variant and metric; allowed: one`;
    }
    seen.add(key);
  }
}

function* overrideErrors(
  at: string,
  override: BudgetOverride,
  { variants, gates }: Scenario,
): Generator<string> {
  const { variant, metric, reason, expires, warn, fail } = override;
  if (variant !== undefined && !Object.hasOwn(variants, variant)) {
    yield `${at}/variant: ${JSON.stringify(variant)} seen, allowed: ${Object.keys(variants).join(', ')}`;
  }
  if (warn === undefined && fail === undefined) {
    yield `${at}: neither "warn" nor "fail" seen, allowed: one of them or both`;
  }
  if (reason.trim().length < minReasonLength) {
    yield `${at}/reason: ${JSON.stringify(reason)} seen, allowed: ${minReasonLength} characters or more`;
  }
  if (!isDay(expires)) {
    yield `${at}/expires: ${JSON.stringify(expires)} seen, allowed: a day of the calendar as YYYY-MM-DD`;
  }
  const budgets = Object.entries(gates).filter(([, gate]) => budgetOf(gate) !== null);
  const budget = budgets.find(([id]) => id === metric)?.[1];
  if (budget === undefined || !isMetricId(metric)) {
    const known = budgets.map(([id]) => id).join(', ') || 'none, no gate has a budget';
    yield `${at}/metric: ${JSON.stringify(metric)} seen, allowed: ${known}`;
    return;
  }
  const fault = levelsFault(overridden(budgetOf(budget) ?? {}, override), metric);
  if (fault !== null) {
    yield `${at}: together with /gates/${metric}: ${fault}`;
  }
}

/** Shorter ones, such as "flaky", explain nothing to the next reader. */
const minReasonLength = 10;

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  // 2026-02-30 is read as the 2nd of March where it is read at all.
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
