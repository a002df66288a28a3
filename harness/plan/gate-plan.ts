import Type, { type Static } from 'typebox';
import { usageError } from '../lib/errors.ts';
import { Arm, arms } from '../scenario/arm.ts';
import { mergeGateMetrics } from '../scenario/meaning.ts';
import { Load, type LoadedScenario, namePattern, Variant } from '../scenario/scenario.ts';
import { seedFromName, splitMix64 } from '../stats/random.ts';

const strict = { additionalProperties: false } as const;
const Name = Type.String({ pattern: namePattern });
const Seed = Type.String({ pattern: '^[0-9]+$' });
const Ms = Type.Integer({ minimum: 1, maximum: 600_000 });

const GateWindows = Type.Object(
  {
    /** Connections settle and caches fill; nothing is recorded. */
    warmupMs: Ms,
    /** Each request goes to a random program. */
    mixedMs: Ms,
    /** The programs take turns of `sliceMs`, each with the whole rate. */
    slicedMs: Ms,
  },
  strict,
);

const Limits = Type.Partial(
  Type.Record(
    Type.Enum([...mergeGateMetrics]),
    Type.Number({ exclusiveMinimum: 0, maximum: 1000 }),
  ),
  strict,
);

export const PlannedGateRound = Type.Object(
  {
    round: Type.Integer({ minimum: 1 }),
    /** Seed of the generator's schedule, a decimal uint64. */
    seed: Seed,
    /** Order in which the programs start and the slices begin. */
    order: Type.Array(Arm, { minItems: 3, maxItems: 3 }),
  },
  strict,
);

/** One unit of a gate: a variant of a scenario, with all rounds that there may be. */
export const GatePlan = Type.Object(
  {
    suite: Name,
    id: Name,
    variant: Name,
    /** What the three programs are started with. */
    spec: Variant,
    /** The scenario's; the windows share it in their own ways. */
    load: Load,
    windows: GateWindows,
    sliceMs: Type.Integer({ minimum: 10, maximum: 1000 }),
    /** What the unit is held against, as the scenario had it. */
    limitPercent: Limits,
    seed: Seed,
    rounds: Type.Array(PlannedGateRound),
    recordingSha256: Type.Optional(
      Type.String({ description: 'Of the recording that the scenario replays.' }),
    ),
  },
  strict,
);

type GateWindows = Static<typeof GateWindows>;
export type PlannedGateRound = Static<typeof PlannedGateRound>;
export type GatePlan = Static<typeof GatePlan>;

export interface GatePlanOptions {
  variant: string;
  /** Decimal uint64; equal seeds give equal plans. */
  seed: string;
  windows: GateWindows;
  sliceMs: number;
  /** How many rounds there may be at most. */
  rounds: number;
}

/** What a unit is called: «fd_leak/fd-leak/correct»; its folder in the run directory too. */
export function unitName({
  suite,
  id,
  variant,
}: Pick<GatePlan, 'suite' | 'id' | 'variant'>): string {
  return `${suite}/${id}/${variant}`;
}

/**
 * Expands a variant of a scenario into its rounds; a pure function of its arguments. A scenario
 * without "gate" has no limits.
 * @throws PollgateError (usage) for programs that cannot live side by side
 */
export function makeGatePlan(loaded: LoadedScenario, options: GatePlanOptions): GatePlan {
  const { suite, id, scenario } = loaded;
  const { variant, seed, windows, sliceMs } = options;
  const spec = scenario.variants[variant];
  if (spec === undefined) {
    throw new Error(`${suite}/${id} has no variant ${variant}`);
  }
  if (scenario.load.interleave === 'run') {
    throw usageError(
      `${loaded.path} has "interleave": "run", for programs that cannot be connected at the same time; the gate runs three builds side by side.`,
      'take the scenario out of the gate, or give it "slice" or "request" and a smaller "connectionsPerVariant"',
    );
  }
  const random = splitMix64(BigInt(seed) ^ seedFromName(unitName({ suite, id, variant })));
  const orders = balancedOrders(options.rounds, random);
  const recordingSha256 = loaded.recording?.sha256;
  return {
    ...{ suite, id, variant, spec, windows, sliceMs, seed },
    load: scenario.load,
    limitPercent: { ...scenario.gate?.limitPercent },
    rounds: orders.map((order, index) => ({ round: index + 1, seed: random().toString(), order })),
    ...(recordingSha256 === undefined ? {} : { recordingSha256 }),
  };
}

const permutations: readonly (readonly Arm[])[] = arms.flatMap((first) =>
  arms
    .filter((second) => second !== first)
    .map((second) => [
      first,
      second,
      ...arms.filter((third) => third !== first && third !== second),
    ]),
);

/** All six orders in every six rounds, so that no program is favoured; which comes when is drawn. */
function balancedOrders(count: number, random: () => bigint): Arm[][] {
  const orders: Arm[][] = [];
  while (orders.length < count) {
    const left = [...permutations];
    while (left.length > 0) {
      const [order = []] = left.splice(Number(random() % BigInt(left.length)), 1);
      orders.push([...order]);
    }
  }
  return orders.slice(0, count);
}
