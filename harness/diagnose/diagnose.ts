import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { findFdLeak } from './fd-leak.ts';
import type { Finding } from './finding.ts';

/** Every rule on every variant. A rule that cannot look says `unknown`, never nothing. */
export function diagnose(evidence: ScenarioEvidence): Finding[] {
  if (evidence.rounds.length === 0) {
    return [];
  }
  return Object.keys(evidence.plan.scenario.variants).map((variant) =>
    findFdLeak(evidence, variant),
  );
}
