import Type, { type Static } from 'typebox';
import { type LoadedScenario, Rounds, Scenario } from '../scenario/scenario.ts';
import { seedFromName, splitMix64 } from '../stats/random.ts';

const strict = { additionalProperties: false } as const;

export const PlannedRound = Type.Object(
  {
    round: Type.Integer({ minimum: 1 }),
    /** Seed of the generator's schedule, a decimal uint64. */
    seed: Type.String({ pattern: '^[0-9]+$' }),
    /** Order in which the servers start and the slices begin. */
    order: Type.Array(Type.String()),
    /** `cpu`: probes and a CPU profile; `trace`: the execution trace, alone because it is dear. */
    observe: Type.Enum(['cpu', 'trace']),
  },
  strict,
);

/** Everything that will happen for one scenario, in run order, all defaults expanded. */
export const Plan = Type.Object(
  {
    suite: Type.String(),
    id: Type.String(),
    scenario: Scenario,
    windows: Rounds,
    rounds: Type.Array(PlannedRound),
    recordingSha256: Type.Optional(
      Type.String({ description: 'Of the recording that the scenario replays.' }),
    ),
  },
  strict,
);

export type PlannedRound = Static<typeof PlannedRound>;
export type Plan = Static<typeof Plan>;

export interface PlanOptions {
  /** Decimal uint64; equal seeds give equal plans. */
  seed: string;
  quick: boolean;
}

/** Expands a scenario into its rounds; a pure function of its arguments. */
export function makePlan(loaded: LoadedScenario, options: PlanOptions): Plan {
  const { scenario, suite, id } = loaded;
  const windows = options.quick ? scenario.quick : scenario.rounds;
  const variants = Object.keys(scenario.variants);
  const random = splitMix64(BigInt(options.seed) ^ seedFromName(`${suite}/${id}`));
  const rounds = Array.from({ length: windows.count }, (_, index): PlannedRound => {
    const round = index + 1;
    const seed = random().toString();
    // Every other round in reverse, so that each variant is as often first as last.
    const order = index % 2 === 0 ? variants : variants.toReversed();
    const observe = round === windows.count && windows.count > 1 ? 'trace' : 'cpu';
    return { round, seed, order, observe };
  });
  const recordingSha256 = loaded.recording?.sha256;
  return {
    ...{ suite, id, scenario, windows, rounds },
    ...(recordingSha256 === undefined ? {} : { recordingSha256 }),
  };
}
