import { agreementsOf } from '../analyze/agree.ts';
import type { Evidence, ScenarioEvidence } from '../analyze/evidence.ts';
import { checkGenerator } from '../analyze/generator.ts';
import { measureScenario } from '../analyze/measure.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import type { JudgeInput } from './gated.ts';

/** All that the judgement of one scenario of a run looks at; nothing to compare it with. */
export function judgeInputOf(
  record: Evidence['record'],
  evidence: ScenarioEvidence,
): JudgeInput & { baseline: null } {
  return {
    ...{ record, evidence, baseline: null },
    measurements: evidence.rounds.length === 0 ? [] : measureScenario(evidence),
    generator: checkGenerator(evidence),
    findings: diagnose(evidence),
    agreements: agreementsOf(evidence),
  };
}
