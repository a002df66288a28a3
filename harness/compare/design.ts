import { createHash } from 'node:crypto';
import type { Plan } from '../plan/plan.ts';

/**
 * Hash of all settings that make the figures of two runs comparable: the variants, the load and
 * the windows, not their number nor the texts and gates.
 */
export function designSha256(plan: Plan): string {
  const { variants, load, closedLoop } = plan.scenario;
  const { count: _, ...windows } = plan.scenario.rounds;
  // What is absent leaves no trace in the JSON: a new optional setting changes no hash.
  const { recordingSha256 } = plan;
  const design = { variants, load, closedLoop, windows, recordingSha256 };
  return createHash('sha256').update(canonical(design)).digest('hex');
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
