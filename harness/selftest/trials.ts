import type { Decision } from '../gate/decide.ts';
import { type LookLevels, lookLevels, mostRounds } from '../gate/design.ts';
import { decideFamily, type UnitRounds } from '../gate/family.ts';
import { seedFromName, splitMix64 } from '../stats/random.ts';
import { runOurGate, type SimulatedMetric } from './our-gate.ts';
import type { Peer } from './peers/index.ts';
import { type Effect, noEffect, type World } from './world.ts';

/** Changes that every world is shown, by the name that the table gives them. */
export const changes = {
  none: noEffect,
  noticeable: { p50: 1.05, p99: 1.3, cpu: 1.04 },
  clear: { p50: 1.08, p99: 1.5, cpu: 1.06 },
  'twice the limit': { p50: 1.06, p99: 1.2, cpu: 1.04 },
} as const satisfies Record<string, Effect>;
export type Change = keyof typeof changes;

/** A pull request has this many scenarios, */
export const scenariosPerPull = 3;
/** and each this many limits, as the committed ones have: not all of them are simulated. */
export const limitsPerScenario = 6;
const limitsPerPull = scenariosPerPull * limitsPerScenario;

/** What became of one metric in all decisions of a world and a change. */
export interface MetricTally {
  decisions: number;
  outcomes: Record<Decision['outcome'], number>;
  /** Regressions found within the first two looks. */
  soon: number;
  /** Rounds used, summed up. */
  rounds: number;
  /** Printed intervals that hold what the change really does there. */
  covered: number;
}

export interface Trial {
  world: string;
  change: Change;
  metrics: Record<SimulatedMetric, MetricTally>;
  /** Rounds that were run, of all scenarios: each until its last metric was decided. */
  rounds: number;
  /** Pull requests, and those with a regression in any scenario. */
  pulls: number;
  redPulls: number;
}

/** So many pull requests through our gate; equal arguments give equal tallies. */
export function tryOurGate(world: World, change: Change, pulls: number): Trial {
  const trial: Trial = {
    world: world.name,
    change,
    metrics: {
      p50: emptyTally(),
      p99: emptyTally(),
      cpu: emptyTally(),
    },
    rounds: 0,
    pulls,
    redPulls: 0,
  };
  const levels = lookLevels(limitsPerPull);
  const random = splitMix64(seedFromName(`${world.name} ${change}`));
  for (let pull = 0; pull < pulls; pull++) {
    const units = Array.from({ length: scenariosPerPull }, (_, index): UnitRounds => {
      const unit = runOurGate(world.open(random()), changes[change], { levels, seed: random() });
      return { ...unit, id: String(index) };
    });
    trial.redPulls += tallyPull(trial, world, units, levels) ? 1 : 0;
  }
  return trial;
}

function emptyTally(): MetricTally {
  const outcomes = { pass: 0, improved: 0, regressed: 0, inconclusive: 0, unmeasurable: 0 };
  return { decisions: 0, outcomes, soon: 0, rounds: 0, covered: 0 };
}

/** @returns whether anything is called a regression */
function tallyPull(
  trial: Trial,
  world: World,
  units: readonly UnitRounds[],
  levels: readonly LookLevels[],
): boolean {
  const secondLook = levels[1]?.rounds ?? mostRounds;
  trial.rounds += units.reduce((sum, { rounds }) => sum + rounds, 0);
  let red = false;
  for (const decisions of decideFamily(units, limitsPerPull).values()) {
    for (const [name, decision] of Object.entries(decisions)) {
      const tally = trial.metrics[name as SimulatedMetric];
      const { outcome, ratio, afterRounds } = decision;
      tally.decisions++;
      tally.outcomes[outcome]++;
      tally.rounds += afterRounds;
      tally.soon += outcome === 'regressed' && afterRounds <= secondLook ? 1 : 0;
      const truth = trueRatio(world, changes[trial.change], name as SimulatedMetric);
      tally.covered += ratio !== null && ratio.lo <= truth && truth <= ratio.hi ? 1 : 0;
      red ||= outcome === 'regressed';
    }
  }
  return red;
}

/** What a change comes to in this world: where requests queue, latency grows by more. */
function trueRatio({ amplification }: World, change: Effect, metric: SimulatedMetric): number {
  return metric === 'cpu' ? change.cpu : change[metric] ** amplification;
}

export interface PeerTrial {
  peer: string;
  world: string;
  change: Change;
  metric: 'p50' | 'p99';
  decisions: number;
  red: number;
}

/** The same machines through another rule, a scenario and a metric at a time. */
export function tryPeer(peer: Peer, world: World, change: Change, decisions: number): PeerTrial[] {
  return (['p50', 'p99'] as const).map((metric) => {
    const random = splitMix64(seedFromName(`${peer.name} ${world.name} ${change} ${metric}`));
    let red = 0;
    for (let decision = 0; decision < decisions; decision++) {
      red += peer.decide(world.open(random()), changes[change], metric) === 'red' ? 1 : 0;
    }
    return { peer: peer.name, world: world.name, change, metric, decisions, red };
  });
}
