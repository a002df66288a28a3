import { ownValue } from '../lib/json.ts';
import { hodgesLehmann } from '../stats/hodges-lehmann.ts';
import type { RoundEvidence } from './evidence.ts';
import { phaseNames } from './turn.ts';

/** Above this share of its CPU the generator may be what is measured. */
export const busiestGenerator = 0.8;

export interface Capacity {
  /** Replies per second in closed loop, the centre (Hodges–Lehmann) over rounds. */
  perSec: number;
  /** Share of its CPU that the generator used, the highest of all rounds. */
  generatorBusy: number;
}

/** What each server did at most, from the saturation rounds; servers without a finished turn are not in it. */
export function capacitiesOf(rounds: readonly RoundEvidence[]): Map<string, Capacity> {
  const servers = new Set(rounds.flatMap(({ turns }) => [...turns.keys()]));
  const capacities = new Map<string, Capacity>();
  for (const server of servers) {
    const phases = rounds.flatMap(({ turns }) => {
      const all = turns.get(server)?.load.phases ?? [];
      return all.filter(({ name }) => name === phaseNames.saturation);
    });
    const rates = phases.flatMap((phase) => {
      const arm = ownValue(phase.arms, server);
      const perSec = arm === undefined ? 0 : (arm.completed * 1e9) / (phase.endNs - phase.startNs);
      return perSec > 0 ? [perSec] : [];
    });
    if (rates.length > 0) {
      const generatorBusy = Math.max(...phases.map(({ generator }) => generator.busyRatio));
      capacities.set(server, { perSec: hodgesLehmann(rates), generatorBusy });
    }
  }
  return capacities;
}

/**
 * The rate that 100 % stands for: the capacity of the slowest server of the group, or what the
 * generator could send and still be sure of, if that is less. All servers get the same rate: a p99 at
 * 75 % of twice the rate is not comparable, and the claim compares two of them.
 * The generator's capacity is scaled from the windows that it was busiest in for its work.
 * @returns undefined where no server was measured
 */
export function fullRatePerSec(capacities: ReadonlyMap<string, Capacity>): number | undefined {
  const all = [...capacities.values()];
  if (all.length === 0) {
    return undefined;
  }
  const generator = all
    .filter(({ generatorBusy }) => generatorBusy > 0)
    .map(({ perSec, generatorBusy }) => (busiestGenerator * perSec) / generatorBusy);
  return Math.min(...all.map(({ perSec }) => perSec), ...generator);
}

/** Requests per second of each load, whole and at least 1; undefined where no server was measured. */
export function ratesOf(
  rounds: readonly RoundEvidence[],
  percents: readonly number[],
): Map<number, number> | undefined {
  const full = fullRatePerSec(capacitiesOf(rounds));
  return full === undefined
    ? undefined
    : new Map(
        percents.map((percent) => [percent, Math.max(1, Math.round((full * percent) / 100))]),
      );
}
