import Type, { type Static } from 'typebox';
import { Agreement } from '../analyze/agreement.ts';
import { Flame } from '../analyze/flames.ts';
import { Measurement } from '../analyze/measurement.ts';
import { LoadCause } from '../capture/load-result.ts';
import { Comparison } from '../compare/comparison.ts';
import { outcomes, Verdict } from '../compare/verdict.ts';
import { Finding } from '../diagnose/finding.ts';
import { Check, Fingerprint, Fitness } from '../host/host.ts';
import { ClosedLoopClient, LostCapture } from '../run/run-record.ts';

const strict = { additionalProperties: false } as const;
const Count = Type.Integer({ minimum: 0 });
const Counts = Type.Record(Type.String(), Count);

/** Latency at a quantile over all rounds merged, with the spread of the rounds about it. */
export const CurvePoint = Type.Object(
  {
    quantile: Type.Number({ minimum: 0, maximum: 1 }),
    valueNs: Count,
    /** Interval over rounds, null with fewer than 2 rounds. */
    loNs: Type.Union([Type.Number(), Type.Null()]),
    hiNs: Type.Union([Type.Number(), Type.Null()]),
  },
  strict,
);

/** A distribution seen by eBPF in the observed windows of all rounds together. */
export const ProbeDistribution = Type.Object(
  {
    variant: Type.String(),
    /** Such as wakeupNs, netpollBlockedNs, readNs, netpollReadyEvents. */
    name: Type.String(),
    unit: Type.Enum(['ns', 'count', 'bytes']),
    count: Count,
    mean: Type.Number({ minimum: 0 }),
    p50: Count,
    p99: Count,
    max: Count,
    overflow: Count,
    /** Rows `[from, to, count]`, half open, at most 8 to an octave, empty rows left out. */
    rows: Type.Array(Type.Array(Count, { minItems: 3, maxItems: 3 })),
  },
  strict,
);

const TopFunction = Type.Object({ name: Type.String(), flat: Count, cumulative: Count }, strict);

/** Where a profile's time or goroutines are; `total` is the denominator of every share. */
export const ProfileSummary = Type.Object(
  {
    variant: Type.String(),
    profile: Type.Enum(['cpu', 'goroutine']),
    unit: Type.Enum(['ns', 'count']),
    total: Count,
    samples: Count,
    functions: Type.Array(TopFunction),
  },
  strict,
);

/** Where goroutines spent their time, from the execution trace of the last round. */
export const TraceReport = Type.Object(
  {
    variant: Type.String(),
    durationNs: Count,
    blockedNs: Counts,
    syscallNs: Count,
    runnableNs: Count,
    runningNs: Count,
    networkWakeup: Type.Object({ count: Count, p50: Count, p99: Count }, strict),
  },
  strict,
);

export const DescriptorReport = Type.Object(
  {
    variant: Type.String(),
    requests: Count,
    /** Opened and closed in the observed windows by kind, seen by eBPF; null without probes. */
    opened: Type.Union([Counts, Type.Null()]),
    closed: Type.Union([Counts, Type.Null()]),
    /** Opened in a window and still open at its end, by kind. */
    leaked: Type.Union([Counts, Type.Null()]),
    /** Growth of /proc/PID/fd over the same windows, by kind; null where it could not be read. */
    procGrowth: Type.Union([Type.Record(Type.String(), Type.Integer()), Type.Null()]),
  },
  strict,
);

/** What watching costs: the observed window against the unobserved one of the same rounds. */
export const ObserverCost = Type.Object(
  {
    variant: Type.String(),
    metric: Type.String(),
    unit: Type.Enum(['ns', 'count']),
    unobserved: Type.Number(),
    observed: Type.Number(),
    /** observed ÷ unobserved. */
    ratio: Type.Number(),
  },
  strict,
);

const GeneratorReason = Type.Object(
  {
    rule: Type.String(),
    grade: Type.Enum(['suspect', 'invalid']),
    cause: LoadCause,
    text: Type.String(),
  },
  strict,
);
const GeneratorReasons = Type.Array(GeneratorReason);

/** Whether the generator's figures of a round may be quoted, by its own judgement. */
export const GeneratorReport = Type.Object(
  {
    round: Type.Integer({ minimum: 1 }),
    variant: Type.String(),
    scheduled: Count,
    completed: Count,
    errors: Count,
    unsent: Count,
    achievedRatio: Type.Number({ minimum: 0, description: 'completed ÷ scheduled' }),
    sendLagP50Ns: Type.Union([Count, Type.Null()]),
    sendLagP99Ns: Type.Union([Count, Type.Null()]),
    receiveLagP50Ns: Type.Union([Count, Type.Null()]),
    receiveLagP99Ns: Type.Union([Count, Type.Null()]),
    busyRatio: Type.Number({ minimum: 0 }),
    scheduling: Type.Enum(['fifo', 'other']),
    absolute: Type.Enum(['valid', 'suspect', 'invalid']),
    reasons: GeneratorReasons,
  },
  strict,
);

/** Whether ratios between the variants of a round may be judged; null with one variant. */
export const PairedReport = Type.Object(
  {
    round: Type.Integer({ minimum: 1 }),
    grade: Type.Union([Type.Enum(['valid', 'invalid']), Type.Null()]),
    reasons: GeneratorReasons,
  },
  strict,
);

/** autocannon's figures of one variant, and beside them our generator's of the same closed loop. */
export const ClosedLoopReport = Type.Object(
  {
    variant: Type.String(),
    /** Which client came first, to a server that was not warm yet. */
    first: ClosedLoopClient,
    requestsPerSec: Type.Number({ minimum: 0 }),
    /** Null without a sample. */
    p50Us: Type.Union([Count, Type.Null()]),
    p99Us: Type.Union([Count, Type.Null()]),
    completed: Count,
    failed: Count,
    clientCpuRatio: Type.Number({ minimum: 0 }),
    eventLoopDelayP99Ns: Count,
    generator: Type.Object(
      {
        requestsPerSec: Type.Number({ minimum: 0 }),
        p50Ns: Type.Union([Count, Type.Null()]),
        p99Ns: Type.Union([Count, Type.Null()]),
        completed: Count,
        failed: Count,
        busyRatio: Type.Number({ minimum: 0 }),
        absolute: Type.Enum(['valid', 'suspect', 'invalid']),
        reasons: GeneratorReasons,
      },
      strict,
    ),
    /** autocannon − generator, in ns; null where one of them has no sample. */
    biasP50Ns: Type.Union([Type.Integer(), Type.Null()]),
    biasP99Ns: Type.Union([Type.Integer(), Type.Null()]),
    warnings: Type.Array(Type.String()),
  },
  strict,
);

export const ServerReport = Type.Object(
  {
    variant: Type.String(),
    sha256: Type.String(),
    goVersion: Type.String(),
    netpoller: Type.String(),
    /** How the poller was proved, with the counts: «epoll_pwait 0, io_uring_enter 8,211». */
    netpollerProof: Type.String(),
    cpus: Type.String(),
    goMaxProcs: Count,
  },
  strict,
);

/** Wake-ups by what came before them (analyze/heat-map.ts). */
const HeatMap = Type.Object(
  {
    variant: Type.String(),
    by: Type.Enum(['loop', 'ready']),
    subSteps: Type.Integer({ minimum: 1 }),
    cells: Type.Array(Type.Object({ x: Count, wakeupNs: Count, count: Count }, strict)),
    left: Count,
  },
  strict,
);

/** The servers' TCP connections (analyze/connections.ts). */
const ConnectionsReport = Type.Object(
  {
    variant: Type.String(),
    ...{ established: Count, closed: Count, requests: Count, retransmits: Count },
    ...{ byServer: Count, byClient: Count, byReset: Count, byTimeout: Count },
    ...{ resetsSent: Count, resetsReceived: Count, timeWaits: Count },
    ...{ backlogMax: Count, backlogLimit: Count },
  },
  strict,
);

/** Births and deaths of goroutines (analyze/goroutine-lives.ts). */
const GoroutinesReport = Type.Object(
  {
    variant: Type.String(),
    births: Count,
    deaths: Count,
    live: Type.Union([Count, Type.Null()]),
    waits: Type.Array(Type.Object({ reason: Type.String(), count: Count }, strict)),
    leakCandidates: Count,
    sites: Type.Array(
      Type.Object(
        {
          place: Type.String(),
          start: Type.String(),
          ...{ births: Count, live: Count, candidates: Count },
        },
        strict,
      ),
    ),
  },
  strict,
);

export const ScenarioReport = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    question: Type.String(),
    reference: Type.String(),
    /** The load in words: «4,000 requests/s Poisson over 2 × 64 connections, 100 ms slices». */
    load: Type.String(),
    rounds: Type.Integer({ minimum: 1 }),
    /** Rounds that were finished; fewer than `rounds` in an interrupted or failed run. */
    finished: Count,
    servers: Type.Array(ServerReport),
    verdicts: Type.Array(Verdict),
    comparisons: Type.Array(Comparison),
    measurements: Type.Array(Measurement),
    curves: Type.Array(
      Type.Object({ variant: Type.String(), points: Type.Array(CurvePoint) }, strict),
    ),
    distributions: Type.Array(ProbeDistribution),
    /** What probes were asked for and could not tell, and why; absent where there is none. */
    notSeen: Type.Optional(
      Type.Array(
        Type.Object(
          { variant: Type.String(), metric: Type.String(), reason: Type.String() },
          strict,
        ),
      ),
    ),
    /** Absent in a run whose probes did not count pairs. */
    heatMaps: Type.Optional(Type.Array(HeatMap)),
    connections: Type.Optional(Type.Array(ConnectionsReport)),
    goroutines: Type.Optional(Type.Array(GoroutinesReport)),
    profiles: Type.Array(ProfileSummary),
    /** Absent in a run without profiles. */
    flames: Type.Optional(Type.Array(Flame)),
    traces: Type.Array(TraceReport),
    descriptors: Type.Array(DescriptorReport),
    observerCost: Type.Array(ObserverCost),
    closedLoop: Type.Array(ClosedLoopReport),
    generator: Type.Array(GeneratorReport),
    paired: Type.Array(PairedReport),
    agreements: Type.Array(Agreement),
    findings: Type.Array(Finding),
    warnings: Type.Array(Type.String()),
  },
  strict,
);

/** All that a renderer needs; a renderer is a function of this and of nothing else. */
export const Report = Type.Object(
  {
    schema: Type.Literal(1),
    runId: Type.String(),
    suite: Type.String(),
    command: Type.String(),
    startedAt: Type.String(),
    durationNs: Count,
    status: Type.Enum(['complete', 'interrupted', 'failed']),
    failure: Type.String(),
    version: Type.String(),
    revision: Type.String(),
    dirty: Type.Boolean(),
    quick: Type.Boolean(),
    seed: Type.String(),
    fingerprint: Fingerprint,
    fitness: Type.Array(Fitness),
    checks: Type.Array(Check),
    lost: Type.Array(LostCapture),
    /** The worst outcome of all gated metrics, and what the process exits with. */
    outcome: Type.Enum([...outcomes, 'infra-error', 'interrupted']),
    exitCode: Type.Integer({ minimum: 0, maximum: 255 }),
    degraded: Type.Boolean(),
    /** The verdict in one or two sentences. */
    headline: Type.String(),
    /** Gated metrics that a decision could be formed for, of all that are gated. */
    compared: Count,
    gated: Count,
    scenarios: Type.Array(ScenarioReport),
  },
  strict,
);

export type Report = Static<typeof Report>;
export type ScenarioReport = Static<typeof ScenarioReport>;
export type CurvePoint = Static<typeof CurvePoint>;
export type ProbeDistribution = Static<typeof ProbeDistribution>;
export type ProfileSummary = Static<typeof ProfileSummary>;
export type TraceReport = Static<typeof TraceReport>;
export type DescriptorReport = Static<typeof DescriptorReport>;
export type ObserverCost = Static<typeof ObserverCost>;
export type GeneratorReport = Static<typeof GeneratorReport>;
export type PairedReport = Static<typeof PairedReport>;
export type ClosedLoopReport = Static<typeof ClosedLoopReport>;
export type ServerReport = Static<typeof ServerReport>;
