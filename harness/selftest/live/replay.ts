import type { MetricRounds } from '../../gate/decide.ts';
import { lookLevels } from '../../gate/design.ts';
import type { ArmValues } from '../../gate/effect.ts';
import { decideFamily, goesOn, type UnitRounds } from '../../gate/family.ts';
import { arms, eachArm, type GateMode, gateModes } from '../../scenario/arm.ts';
import { calm } from '../machine.ts';
import type { Metric, Peer } from '../peers/index.ts';
import { limitsPerScenario } from '../trials.ts';
import { type Effect, noEffect } from '../world.ts';
import type { LiveWorld } from './knobs.ts';
import { OutOfRounds, RoundStream, recordedMachine } from './recorded-machine.ts';
import { type RecordedRounds, type RoundWindows, unpackRounds } from './recorded-rounds.ts';

/** What the head's values are multiplied by, to see whether a rule finds it. */
export const replayedEffect: Effect = { p50: 1.08, p99: 1.3, cpu: 1 };

/** How often a rule was asked about real rounds, each time about others, and called a regression. */
export interface ReplayTally {
  windows: number;
  red: number;
}

/** By metric: equal programs, and the same with the effect. */
export type Replay = Record<Metric, { none: ReplayTally; effect: ReplayTally }>;

/**
 * The rounds of a world, a stream for each scenario on each machine, as one after another: rounds of
 * different machines or servers are no neighbours.
 */
export function streamsOf(
  recorded: readonly RecordedRounds[],
  world: LiveWorld,
): readonly (readonly RoundWindows[])[] {
  const own = recorded.filter((each) => each.world === world);
  const groups = Map.groupBy(own, ({ scenario, host }) => `${scenario} ${host}`);
  return [...groups.values()].map((group) => group.flatMap(unpackRounds));
}

/** The rule of a peer, one run a round. */
export function replayPeer(peer: Peer, streams: readonly (readonly RoundWindows[])[]): Replay {
  const decide = (metric: Metric, effect: Effect) => (stream: RoundStream) =>
    peer.decide(recordedMachine(stream), effect, metric) === 'red';
  return replay(streams, decide);
}

/** Our rule, from the first round of a stretch to the look that decides it. */
export function replayOurs(streams: readonly (readonly RoundWindows[])[]): Replay {
  const decide = (metric: Metric, effect: Effect) => (stream: RoundStream) =>
    decideOurs(stream, effect, metric);
  return replay(streams, decide);
}

function replay(
  streams: readonly (readonly RoundWindows[])[],
  rule: (metric: Metric, effect: Effect) => (stream: RoundStream) => boolean,
): Replay {
  const tally = (metric: Metric, effect: Effect): ReplayTally => {
    const all = streams.map((rounds) => countReds(new RoundStream(rounds), rule(metric, effect)));
    return {
      windows: all.reduce((sum, { windows }) => sum + windows, 0),
      red: all.reduce((sum, { red }) => sum + red, 0),
    };
  };
  const of = (metric: Metric) => ({
    none: tally(metric, noEffect),
    effect: tally(metric, replayedEffect),
  });
  return { p50: of('p50'), p99: of('p99') };
}

/** Decision after decision, until the rounds do not suffice for another. */
function countReds(stream: RoundStream, decide: (stream: RoundStream) => boolean): ReplayTally {
  const tally = { windows: 0, red: 0 };
  for (;;) {
    try {
      const red = decide(stream);
      tally.windows++;
      tally.red += red ? 1 : 0;
    } catch (error) {
      if (error instanceof OutOfRounds) {
        return tally;
      }
      throw error;
    }
  }
}

const limitPercent: Record<Metric, number> = { p50: 3, p99: 10 };

function decideOurs(stream: RoundStream, effect: Effect, metric: Metric): boolean {
  const levels = lookLevels(limitsPerScenario);
  const growing = emptyMetric(metric);
  const unit: UnitRounds = { id: 'recorded', rounds: 0, metrics: { [metric]: growing } };
  for (const { rounds } of levels) {
    while (unit.rounds < rounds) {
      addRound(growing, stream.next(), { effect: effect[metric], metric });
      unit.rounds++;
    }
    if (!goesOn(unit, levels)) {
      break;
    }
  }
  return decideFamily([unit], limitsPerScenario).get(unit.id)?.[metric]?.outcome === 'regressed';
}

interface Growing extends MetricRounds {
  rounds: Record<GateMode, (ArmValues | null)[]>;
  exceedances?: Record<GateMode, number[]>;
}

function emptyMetric(metric: Metric): Growing {
  return {
    better: 'lower',
    limitPercent: limitPercent[metric],
    rounds: { mixed: [], sliced: [] },
    ...(metric === 'p99' ? { exceedances: { mixed: [], sliced: [] } } : {}),
  };
}

function addRound(
  growing: Growing,
  round: RoundWindows,
  { effect, metric }: { effect: number; metric: Metric },
): void {
  for (const mode of gateModes) {
    const values = eachArm((arm) => round[mode][arm][metric]);
    const usable = arms.every((arm) => values[arm] !== null);
    // Mixed requests wait for each other, and show less of an effect: as much less as was measured.
    const shown = mode === 'mixed' ? effect ** (1 - calm.queue.dilution) : effect;
    const head = (values.head ?? 0) * shown;
    growing.rounds[mode].push(usable ? ({ ...values, head } as ArmValues) : null);
    const fewest = Math.min(...arms.map((arm) => round[mode][arm].requests ?? 0));
    growing.exceedances?.[mode].push(usable ? fewest - Math.ceil(0.99 * fewest) : 0);
  }
}
