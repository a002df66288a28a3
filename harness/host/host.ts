import Type, { type Static } from 'typebox';

/**
 * The machine as far as it decides whether absolute times can be compared. Every field is
 * required: an unknown one is the string "unknown", which matches nothing, itself included.
 */
export const Fingerprint = Type.Object(
  {
    cpuModel: Type.String(),
    cpuFlagsSha256: Type.String(),
    cores: Type.Integer({ minimum: 1 }),
    cpuQuota: Type.String({ description: 'CPUs that the cgroup allows, or "none".' }),
    hypervisor: Type.String(),
    kernel: Type.String(),
    mitigations: Type.String(),
    governor: Type.String(),
    clocksource: Type.String(),
    goVersion: Type.String(),
    goArch: Type.String(),
    goMaxProcs: Type.Integer({ minimum: 1, description: 'Of the servers under their pinning.' }),
  },
  { additionalProperties: false },
);

/** Unknown to runs recorded before it was read; null in a first reading, or where the kernel has none. */
const OptionalShare = (description: string) =>
  Type.Optional(
    Type.Union([Type.Number({ minimum: 0, maximum: 1 }), Type.Null()], { description }),
  );

/** State of the machine when a run began or ended; used to refuse, never to divide. */
export const Fitness = Type.Object(
  {
    loadAverage1: Type.Number({ minimum: 0 }),
    stealRatio: Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Stolen share of all CPU time since the last reading.',
    }),
    calibrationNs: Type.Integer({
      minimum: 0,
      description: 'Time of a fixed integer loop; shown, never a divisor.',
    }),
    foreignCpuRatio: OptionalShare(
      'Share of all CPU time since the last reading that tasks had which are not ours.',
    ),
    cpuStallRatio: OptionalShare(
      'Share of the time since the last reading in which some task, ours too, waited for a CPU (PSI).',
    ),
    runQueueNs: Type.Optional(
      Type.Union([Type.Integer({ minimum: 0 }), Type.Null()], {
        description: 'Time that all tasks, ours too, waited for a CPU since the last reading.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** One prerequisite, as `npm run doctor` found it. */
export const Check = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z][a-z0-9-]*$' }),
    title: Type.String(),
    /** degraded: runs go on with less evidence; missing: a run, or a whole suite, cannot be had. */
    state: Type.Enum(['ok', 'degraded', 'missing']),
    /** What was seen: a version, a number, an errno. */
    seen: Type.String(),
    /** What is lost without it; empty when the state is ok. */
    lost: Type.Array(Type.String()),
    /** The one command that mends it; empty when the state is ok. */
    remedy: Type.String(),
  },
  { additionalProperties: false },
);

export type Fingerprint = Static<typeof Fingerprint>;
export type Fitness = Static<typeof Fitness>;
export type Check = Static<typeof Check>;
