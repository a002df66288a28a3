import Type, { type Static } from 'typebox';
import { Fingerprint } from '../host/host.ts';
import { Noise } from '../load-accuracy/noise.ts';

const strict = { additionalProperties: false };
const Text = Type.String();
const Ns = Type.Number({ minimum: 0 });
const orNull = <T extends Type.TSchema>(type: T) => Type.Union([type, Type.Null()]);

/** half: open loop at half the rate of saturation; saturated: closed loop. */
export const loads = ['half', 'saturated'] as const;
export const LoadName = Type.Enum(loads);
export type LoadName = Static<typeof LoadName>;

/** One thing that watches a server. */
export const WatchEntry = Type.Object(
  {
    /** As in `--only`. */
    id: Text,
    kind: Type.Enum(['nothing', 'set', 'diag', 'probe', 'tool']),
    /** What it watches, or how it is called. */
    how: Text,
    /** Of its windows, where they are longer than those of the others. */
    windowMs: Type.Optional(Type.Integer()),
    /** Why it is not available; empty where it is. */
    missing: Text,
  },
  strict,
);
export type WatchEntry = Static<typeof WatchEntry>;

/** What the server did in one window. */
export const WatchedWindow = Type.Object(
  {
    /** CPU time of the server's process, ns of its CPU clock, over the replies that it began. */
    cpuPerRequestNs: Ns,
    /** Replies per second that the generator received. */
    ratePerSec: Ns,
    /** From the scheduled time at half load, from the sending in closed loop. */
    p99Ns: orNull(Ns),
    /** Requests that failed. */
    errors: Type.Integer({ minimum: 0 }),
    /** What the generator says of its own work in this window. */
    grade: Type.Enum(['valid', 'suspect', 'invalid']),
    /**
     * What netprobe itself estimates that it took, as a share of the CPU time that the process had
     * without it; null where it does not say.
     */
    estimatedRatio: orNull(Type.Number({ minimum: 0 })),
  },
  strict,
);
export type WatchedWindow = Static<typeof WatchedWindow>;

/** Two windows of one process, one right after the other; the order changes from pair to pair. */
export const Pair = Type.Object(
  {
    watch: Text,
    load: LoadName,
    pair: Type.Integer({ minimum: 1 }),
    without: WatchedWindow,
    with: WatchedWindow,
  },
  strict,
);
export type Pair = Static<typeof Pair>;

const Failure = Type.Object({ watch: Text, load: LoadName, why: Text }, strict);
export type Failure = Static<typeof Failure>;

const Goal = Type.Object(
  {
    watch: Text,
    load: LoadName,
    /** Of the extra CPU time per request, as a share. */
    limitRatio: Type.Number(),
    /** Bounds of the median of the extra CPU time; null with too few pairs. */
    bounds: orNull(Type.Object({ lo: Type.Number(), hi: Type.Number() }, strict)),
    outcome: Type.Enum(['met', 'not met', 'not decided']),
  },
  strict,
);
export type Goal = Static<typeof Goal>;

/** `result.json` of `npm run bench:probes`; everything that is printed follows from it. */
export const ProbeCost = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Text,
    /** What repeats it. */
    command: Text,
    startedAt: Text,
    durationNs: Type.Integer(),
    status: Type.Enum(['complete', 'interrupted', 'failed']),
    /** What ended it, where that was no interrupt; else empty. */
    failed: Text,
    version: Text,
    quick: Type.Boolean(),
    seed: Text,
    fingerprint: Fingerprint,
    /** CPU list of the server, CPU of the generator. */
    placement: Type.Object({ server: Text, generator: Type.Integer() }, strict),
    noise: Noise,
    connections: Type.Integer(),
    /** Of those that do not bring their own. */
    windowMs: Type.Integer(),
    /** Rates in requests per second; null where the run ended before they were known. */
    rates: orNull(Type.Object({ saturated: Type.Number(), half: Type.Number() }, strict)),
    watches: Type.Array(WatchEntry),
    measured: Type.Array(Pair),
    failures: Type.Array(Failure),
    goals: Type.Array(Goal),
  },
  strict,
);
export type ProbeCost = Static<typeof ProbeCost>;
