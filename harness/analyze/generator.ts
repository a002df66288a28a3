import type { LoadPhase, LoadReason } from '../capture/load-result.ts';
import { ownValue } from '../lib/json.ts';
import type { ScenarioEvidence } from './evidence.ts';

/** Why a grade is not `valid`, and who brought it about as far as the figures tell. */
export type GeneratorReason = Pick<LoadReason, 'rule' | 'grade' | 'cause' | 'text'>;

/**
 * How one variant's load went in a window. The grade is the generator's own: it judged with the
 * record of every request in hand (go-fixtures/internal/loadgen/validity), of which only sums are
 * left here.
 */
export interface GeneratorCheck {
  round: number;
  variant: string;
  scheduled: number;
  completed: number;
  errors: number;
  unsent: number;
  /** completed ÷ scheduled. */
  achievedRatio: number;
  /** Null where nothing was sent. */
  sendLagP50Ns: number | null;
  sendLagP99Ns: number | null;
  /** Null where nothing came back, or the kernel gives no receive stamps. */
  receiveLagP50Ns: number | null;
  receiveLagP99Ns: number | null;
  busyRatio: number;
  /** Whether it had real-time priority on its CPU. */
  scheduling: LoadPhase['generator']['scheduling'];
  /** `invalid`: not to be read. `suspect`: the figures hold an error of a size that matters. */
  absolute: 'valid' | 'suspect' | 'invalid';
  reasons: GeneratorReason[];
}

/** Whether what disturbed a round was shared by its variants, so that ratios may be judged. */
export interface PairedCheck {
  round: number;
  /** Null with one variant, or where the generator recorded nothing. */
  grade: 'valid' | 'invalid' | null;
  reasons: GeneratorReason[];
}

type Window = 'unobserved' | 'observed';

/** One check for each variant and round of a window. */
export function checkGenerator(
  evidence: ScenarioEvidence,
  window: Window = 'unobserved',
): GeneratorCheck[] {
  return phasesOf(evidence, window).flatMap(({ round, phase }) =>
    Object.keys(evidence.plan.scenario.variants).map((variant) => checkArm(round, variant, phase)),
  );
}

/** One check for each round of the unobserved windows. */
export function checkPaired(evidence: ScenarioEvidence): PairedCheck[] {
  return phasesOf(evidence, 'unobserved').map(({ round, phase }) => ({
    round,
    grade: phase?.paired.grade ?? null,
    reasons: phase?.paired.reasons.map(withoutFigures) ?? [],
  }));
}

/** All reasons in one line, the worst first. */
export function reasonTexts({ reasons }: Pick<GeneratorCheck, 'reasons'>): string {
  return reasons.map(({ text }) => text).join('; ');
}

function phasesOf({ rounds }: ScenarioEvidence, window: Window) {
  return rounds.map(({ record: { round }, load }) => ({
    round,
    phase: load.phases.find(({ name }) => name === window),
  }));
}

function checkArm(round: number, variant: string, phase: LoadPhase | undefined): GeneratorCheck {
  const arm = ownValue(phase?.arms, variant);
  if (phase === undefined || arm === undefined) {
    const text = 'the generator recorded nothing for this variant';
    return {
      ...{ round, variant, scheduled: 0, completed: 0, errors: 0, unsent: 0, achievedRatio: 0 },
      ...{ sendLagP50Ns: null, sendLagP99Ns: null, receiveLagP50Ns: null, receiveLagP99Ns: null },
      ...{ busyRatio: 0, scheduling: 'other', absolute: 'invalid' },
      reasons: [{ rule: 'nothing-recorded', grade: 'invalid', cause: 'generator', text }],
    };
  }
  return {
    round,
    variant,
    scheduled: arm.scheduled,
    completed: arm.completed,
    errors: Object.values(arm.errors).reduce((sum, count) => sum + count, 0),
    unsent: arm.unsent,
    achievedRatio: arm.scheduled === 0 ? 0 : arm.completed / arm.scheduled,
    sendLagP50Ns: arm.sendLagNs.p50,
    sendLagP99Ns: arm.sendLagNs.p99,
    receiveLagP50Ns: arm.receiveLagNs.p50,
    receiveLagP99Ns: arm.receiveLagNs.p99,
    busyRatio: phase.generator.busyRatio,
    scheduling: phase.generator.scheduling,
    absolute: arm.validity.absolute,
    reasons: arm.validity.reasons.toSorted(worstFirst).map(withoutFigures),
  };
}

function worstFirst(a: LoadReason, b: LoadReason): number {
  return Number(b.grade === 'invalid') - Number(a.grade === 'invalid');
}

/** The text holds what was seen and the limit. */
export function withoutFigures({ rule, grade, cause, text }: LoadReason): GeneratorReason {
  return { rule, grade, cause, text };
}
