import type { ArmLoad, LoadPhase } from '../capture/load-result.ts';
import { formatInteger, formatNs } from '../lib/units.ts';
import type { ScenarioEvidence } from './evidence.ts';

/**
 * Share of requests that failed or could not be sent above which a window says nothing about the
 * server's speed. Unsent ones count: a server that hangs leaves few failures and many unsent.
 */
const errorLimit = 0.001;
const achievedLimit = 0.999;
const busyLimit = 0.7;
/** Lag that is always granted: below what a loopback round trip costs. */
const lagFloorNs = 50_000;

/** Whether the load of one variant's unobserved window was what the plan asked for. */
export interface GeneratorCheck {
  round: number;
  variant: string;
  scheduled: number;
  completed: number;
  errors: number;
  unsent: number;
  achievedRatio: number;
  /** Null where nothing was sent. */
  sendLagP50Ns: number | null;
  sendLagP99Ns: number | null;
  busyRatio: number;
  /** `invalid`: not to be read. `suspect`: ratios stand, absolute times hold generator lag. */
  state: 'valid' | 'suspect' | 'invalid';
  reasons: string[];
}

/** One check for each variant and round of a window. */
export function checkGenerator(
  evidence: ScenarioEvidence,
  window: 'unobserved' | 'observed' = 'unobserved',
): GeneratorCheck[] {
  return evidence.rounds.flatMap(({ record, load }) => {
    const phase = load.phases.find((candidate) => candidate.name === window);
    return Object.keys(evidence.plan.scenario.variants).map((variant) =>
      checkArm(record.round, variant, phase),
    );
  });
}

function checkArm(round: number, variant: string, phase: LoadPhase | undefined): GeneratorCheck {
  const arm = phase?.arms[variant];
  if (phase === undefined || arm === undefined) {
    return {
      ...{ round, variant, scheduled: 0, completed: 0, errors: 0, unsent: 0, achievedRatio: 0 },
      ...{ sendLagP50Ns: null, sendLagP99Ns: null, busyRatio: 0, state: 'invalid' },
      reasons: ['the generator recorded nothing for this variant'],
    };
  }
  const errors = Object.values(arm.errors).reduce((sum, count) => sum + count, 0);
  const achievedRatio = arm.scheduled === 0 ? 0 : arm.completed / arm.scheduled;
  const invalid = [...invalidReasons(arm, errors)];
  const suspect = [...suspectReasons(arm, phase, achievedRatio)];
  return {
    round,
    variant,
    scheduled: arm.scheduled,
    completed: arm.completed,
    errors,
    unsent: arm.unsent,
    achievedRatio,
    sendLagP50Ns: arm.sendLagNs.p50,
    sendLagP99Ns: arm.sendLagNs.p99,
    busyRatio: phase.generator.busyRatio,
    state: invalid.length > 0 ? 'invalid' : suspect.length > 0 ? 'suspect' : 'valid',
    reasons: [...invalid, ...suspect],
  };
}

function* invalidReasons(arm: ArmLoad, errors: number): Generator<string> {
  if (arm.scheduled === 0 || arm.completed === 0) {
    yield `${formatInteger(arm.completed)} of ${formatInteger(arm.scheduled)} requests completed`;
  } else if ((errors + arm.unsent) / arm.scheduled > errorLimit) {
    const unsent = { 'never sent': arm.unsent };
    const kinds = Object.entries({ ...arm.errors, ...unsent }).filter(([, count]) => count > 0);
    const list = kinds.map(([kind, count]) => `${kind} ${formatInteger(count)}`).join(', ');
    const failed = formatInteger(errors + arm.unsent);
    yield `${failed} of ${formatInteger(arm.scheduled)} requests failed (${list})`;
  }
}

function* suspectReasons(arm: ArmLoad, phase: LoadPhase, achieved: number): Generator<string> {
  const lagLimitNs = Math.max(lagFloorNs, (arm.latencyNs.p50 ?? 0) / 10);
  const lagNs = arm.sendLagNs.p99;
  if (lagNs !== null && lagNs > lagLimitNs) {
    yield `send lag p99 ${formatNs(lagNs)} is over ${formatNs(lagLimitNs)}`;
  }
  if (achieved < achievedLimit) {
    yield `${(achieved * 100).toFixed(2)} % of the scheduled requests completed, 99.9 % wanted`;
  }
  if (phase.generator.busyRatio > busyLimit) {
    yield `the generator was busy ${Math.round(phase.generator.busyRatio * 100)} % of the time`;
  }
}
