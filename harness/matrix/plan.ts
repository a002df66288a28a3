import Type, { type Static } from 'typebox';
import { seedFromName, splitMix64 } from '../stats/random.ts';
import { type LoadedMatrix, MatrixDescription, MatrixRounds } from './description.ts';

const strict = { additionalProperties: false } as const;
const Seed = Type.String({ pattern: '^[0-9]+$' });

export const stages = ['saturation', 'open'] as const;
export type Stage = (typeof stages)[number];

export const PlannedTurns = Type.Object(
  {
    round: Type.Integer({ minimum: 1 }),
    /** Seed of the generator's schedules: every server of a round meets the same arrivals. */
    seed: Seed,
    /** Servers in the order of their turns. */
    order: Type.Array(Type.String()),
  },
  strict,
);

/** All rounds under one condition with one number of connections. */
export const MatrixGroup = Type.Object(
  {
    matrix: Type.String(),
    condition: Type.String(),
    connections: Type.Integer({ minimum: 1 }),
    saturation: Type.Array(PlannedTurns),
    open: Type.Array(PlannedTurns),
  },
  strict,
);

/** Everything that will happen, in run order. */
export const MatrixPlan = Type.Object(
  {
    id: Type.String(),
    description: MatrixDescription,
    /** Load of the open-loop windows in percent of the smallest capacity, ascending. */
    percents: Type.Array(Type.Integer()),
    rounds: MatrixRounds,
    groups: Type.Array(MatrixGroup),
  },
  strict,
);

export type PlannedTurns = Static<typeof PlannedTurns>;
export type MatrixGroup = Static<typeof MatrixGroup>;
export type MatrixPlan = Static<typeof MatrixPlan>;

export interface MatrixPlanOptions {
  /** Decimal uint64; equal seeds give equal plans. */
  seed: string;
  quick: boolean;
  full: boolean;
}

/** "block-4k/hot-10000": what a group is called, and its folder in the run directory. */
export function groupName({ matrix, condition, connections }: MatrixGroup): string {
  return `${matrix}/${condition}-${connections}`;
}

/** Expands a description into its rounds; a pure function of its arguments. */
export function makeMatrixPlan(
  { suite, id, description }: LoadedMatrix,
  { seed, quick, full }: MatrixPlanOptions,
): MatrixPlan {
  const random = splitMix64(BigInt(seed) ^ seedFromName(`${suite}/${id}`));
  const rounds = quick ? description.quick : description.rounds;
  const percents = full ? description.fullLoadPercents : description.loadPercents;
  const groups = Object.keys(description.conditions).flatMap((condition) => {
    const servers = serversOf(description, condition);
    // Each order is gone through backwards in the next round: what drifts within a round meets both ends.
    const turns = () => {
      let order: string[] = [];
      return Array.from({ length: rounds.count }, (_, index): PlannedTurns => {
        order = index % 2 === 0 ? shuffled(servers, random) : order.toReversed();
        return { round: index + 1, seed: random().toString(), order };
      });
    };
    return description.connections.map((connections): MatrixGroup => {
      return { matrix: id, condition, connections, saturation: turns(), open: turns() };
    });
  });
  return { id, description, percents: percents.toSorted((a, b) => a - b), rounds, groups };
}

/** The servers that take part under a condition, in the order of the description. */
export function serversOf(
  { servers }: Pick<MatrixDescription, 'servers'>,
  condition: string,
): string[] {
  return Object.entries(servers).flatMap(([name, { only }]) =>
    only === undefined || only.includes(condition) ? [name] : [],
  );
}

/** Fisher and Yates; the bias of the remainder is below 2⁻⁶⁰. */
function shuffled(names: readonly string[], random: () => bigint): string[] {
  const left = [...names];
  return names.flatMap(() => left.splice(Number(random() % BigInt(left.length)), 1));
}

/** Starting and stopping a server and the generator, and connecting: measured at about so much. */
const turnOverheadMs = 900;
const connectionOverheadMs = 0.3;
const attachOverheadMs = 1_500;
/** An observed window lasts as long as its requests do, at most so long. */
export const longestObservedMs = 8_000;
const usualObservedMs = 1_500;

/** How long a round of a stage will take, for the time left; turns of servers that are not run do not count. */
export function expectedRoundMs(
  { rounds, percents }: MatrixPlan,
  { group, stage, planned }: { group: MatrixGroup; stage: Stage; planned: PlannedTurns },
  runs: (server: string) => boolean = () => true,
): number {
  const observed = isObserved(rounds, planned.round) ? usualObservedMs + attachOverheadMs : 0;
  const windows =
    stage === 'saturation' ? rounds.saturationMs : percents.length * rounds.openMs + observed;
  const each =
    turnOverheadMs + connectionOverheadMs * group.connections + rounds.warmupMs + windows;
  return each * planned.order.filter(runs).length;
}

/** Whether the open-loop turns of this round end with an observed window: the last rounds do. */
export function isObserved({ count, observedCount }: MatrixRounds, round: number): boolean {
  return round > count - observedCount;
}
