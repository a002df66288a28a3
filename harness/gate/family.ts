import {
  controlFault,
  type Decision,
  decideMetric,
  firstRounds,
  type MetricRounds,
} from './decide.ts';
import { type LookLevels, lookLevels } from './design.ts';
import { isFutile, worthwhile } from './futility.ts';

/** All gated metrics of one scenario and variant, by name, with every round that was run. */
export interface UnitRounds {
  id: string;
  /** Rounds that were run, the same for all metrics. */
  rounds: number;
  metrics: Record<string, MetricRounds>;
}

/** A decision with the look that brought it. */
export interface LookDecision extends Decision {
  /** Rounds after which it was decided, or after which the rounds ended. */
  afterRounds: number;
}

export type UnitDecisions = Record<string, LookDecision>;

/**
 * What the looks so far have decided of one unit. A decision stands: later rounds do not take it back,
 * or the levels would not hold.
 */
export function decideUnit(unit: UnitRounds, levels: readonly LookLevels[]): UnitDecisions {
  const decisions: UnitDecisions = {};
  for (const look of levels.filter(({ rounds }) => rounds <= unit.rounds)) {
    for (const [name, metric] of Object.entries(unit.metrics)) {
      if (decisions[name] === undefined || isOpen(decisions[name])) {
        decisions[name] = decideAt(metric, look, levels);
      }
    }
  }
  return decisions;
}

function decideAt(
  metric: MetricRounds,
  look: LookLevels,
  levels: readonly LookLevels[],
): LookDecision {
  const first = firstRounds(metric, look.rounds);
  const decision = decideMetric(first, look);
  const last = levels.at(-1) ?? look;
  const more = last.rounds - look.rounds;
  const futile = isOpen(decision) && more > 0 && isFutile(first, last);
  const why = futile
    ? `${decision.why}; ${more} more rounds would decide it with a probability below ${100 * worthwhile} %`
    : decision.why;
  return { ...decision, why, afterRounds: look.rounds };
}

/** Not decided yet. */
function isOpen({ outcome }: Decision): boolean {
  return outcome === 'inconclusive' || outcome === 'unmeasurable';
}

/** Whether the next round of a unit is worth running: something is open that it may help to decide. */
export function goesOn(unit: UnitRounds, levels: readonly LookLevels[]): boolean {
  const decisions = decideUnit(unit, levels);
  return Object.entries(unit.metrics).some(([name, metric]) => {
    const decision = decisions[name];
    const last = levels.at(-1);
    if (decision === undefined || last === undefined) {
      return true;
    }
    return isOpen(decision) && !isFutile(firstRounds(metric, decision.afterRounds), last);
  });
}

/**
 * Holm's step over the whole pull request, when all its units have ended: where r of m limits are
 * broken, the others need only be held against m − r (Holm, «A simple sequentially rejective multiple
 * test procedure», Scand. J. Stat. 6 (1979); for group sequential tests Ye et al., «A group sequential
 * Holm procedure with multiple primary endpoints», Stat. Med. 32 (2013)). Only undecided ones are
 * looked at again, at their last look.
 * @param limits that the pull request is held against in all; those of the units where nothing is said
 */
export function decideFamily(
  units: readonly UnitRounds[],
  limits: number = units.reduce((sum, { metrics }) => sum + Object.keys(metrics).length, 0),
): Map<string, UnitDecisions> {
  const decisions = new Map(
    units.map((unit) => [unit.id, decideUnit(unit, lookLevels(limits))] as const),
  );
  for (let broken = 0; ; ) {
    const now = [...decisions.values()].flatMap((unit) => Object.values(unit)).filter(isRed).length;
    if (now === broken || now === limits) {
      return withControls(units, decisions);
    }
    broken = now;
    const levels = lookLevels(limits - broken);
    for (const unit of units) {
      const own = decisions.get(unit.id) ?? {};
      for (const [name, decision] of Object.entries(own).filter(([, each]) => isOpen(each))) {
        const look = levels.find(({ rounds }) => rounds === decision.afterRounds);
        const metric = unit.metrics[name];
        if (look !== undefined && metric !== undefined) {
          own[name] = decideAt(metric, look, levels);
        }
      }
    }
  }
}

/** Whatever control of a unit fails in the end, no red of that unit stands: its machine was not the same for all. */
function withControls(
  units: readonly UnitRounds[],
  decisions: Map<string, UnitDecisions>,
): Map<string, UnitDecisions> {
  for (const unit of units) {
    const own = Object.entries(decisions.get(unit.id) ?? {});
    const fault = Object.entries(unit.metrics)
      .map(([name, metric]) => ({ name, why: controlFault(metric) }))
      .find(({ why }) => why !== '');
    for (const [, decision] of fault ? own.filter(([, each]) => isRed(each)) : []) {
      Object.assign(decision, { outcome: 'unmeasurable', why: `${fault?.name}: ${fault?.why}` });
    }
  }
  return decisions;
}

function isRed({ outcome }: Decision): boolean {
  return outcome === 'regressed';
}
