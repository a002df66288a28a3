/**
 * Evidence as a run would have left it, built from a few numbers per variant: for the tests of all
 * that comes after the captures. The histograms are real HDR blobs.
 */
import * as hdr from 'hdr-histogram-js';
import type { RoundEvidence, ScenarioEvidence } from '../analyze/evidence.ts';
import type { FixtureCounters, Snapshot } from '../capture/counters.ts';
import type { ArmLoad, LatencySummary, LoadPhase, LoadReason } from '../capture/load-result.ts';
import type { ProbeTarget } from '../capture/netprobe-result.ts';
import type { Fingerprint } from '../host/host.ts';
import type { Plan } from '../plan/plan.ts';
import { makePlan } from '../plan/plan.ts';
import type { RunRecord } from '../run/run-record.ts';
import type { Scenario } from '../scenario/scenario.ts';
import { randomIntegers, seedFromName } from '../stats/random.ts';

/** What one variant does in one round; counts per request where nothing else is said. */
export interface VariantNumbers {
  /** Completed requests of each window. */
  requests: number;
  p50Ns: number;
  p99Ns: number;
  cpuNs: number;
  contextSwitches: number;
  allocations: number;
  reads: number;
  writes: number;
  polls: number;
  wakeupNs: number;
  /** Descriptors left open in the observed window, by kind. */
  leaked: Record<string, number>;
  /** The same as /proc tells it; the leak itself by default. */
  procLeaked?: Record<string, number>;
}

export const steady: VariantNumbers = {
  requests: 20_000,
  p50Ns: 61_000,
  p99Ns: 187_000,
  cpuNs: 21_000,
  contextSwitches: 0.4,
  allocations: 18,
  reads: 1,
  writes: 1,
  polls: 0.6,
  wakeupNs: 9_000,
  leaked: {},
};

const gates: Scenario['gates'] = {
  'latency-p50': { maxNs: 2_000_000, regressionLimitPercent: 25 },
  'latency-p99': { maxNs: 50_000_000, regressionLimitPercent: 100 },
  'cpu-per-request': { regressionLimitPercent: 25 },
  'allocations-per-request': { regressionLimitPercent: 2 },
  'reads-per-request': { regressionLimitPercent: 5 },
};

export function makeScenario(changes: Partial<Scenario> = {}): Scenario {
  return {
    title: 'Hello',
    question: 'Is it as fast as it was?',
    variants: {
      epoll: { fixture: 'hello-http', netpoller: 'epoll' },
      io_uring: { fixture: 'hello-http', netpoller: 'io_uring' },
    },
    reference: 'epoll',
    load: {
      protocol: 'http1',
      method: 'GET',
      path: '/',
      expectStatus: 200,
      connectionsPerVariant: 64,
      ratePerSec: 6000,
      interleave: 'slice',
      sliceMs: 100,
      requestTimeoutMs: 5000,
    },
    rounds: { count: 8, warmupMs: 800, unobservedMs: 5000, observedMs: 2000 },
    quick: { count: 2, warmupMs: 500, unobservedMs: 2000, observedMs: 1000 },
    gates,
    ...changes,
  };
}

export interface EvidenceOptions {
  scenario?: Scenario;
  /** Seeds the small differences between rounds and runs. */
  seed?: string;
  quick?: boolean;
  /** By variant; what is not said is {@link steady}. */
  numbers?: Record<string, Partial<VariantNumbers>>;
}

/** The evidence of one scenario; rounds differ by about 1 %, as on a quiet machine. */
export function makeEvidence(options: EvidenceOptions = {}): ScenarioEvidence {
  const scenario = options.scenario ?? makeScenario();
  const { seed = '1', quick = false } = options;
  const loaded = {
    suite: 'io_uring',
    id: 'hello-http',
    path: '/scenarios/hello-http.json',
    scenario,
  };
  const plan = makePlan(loaded, { seed, quick });
  const rounds = plan.rounds.map(({ round }): RoundEvidence => {
    const numbers = Object.fromEntries(
      Object.keys(scenario.variants).map((variant) => {
        const own = { ...steady, ...options.numbers?.[variant] };
        return [variant, jitter(own, `${seed}/${variant}/${round}`)];
      }),
    );
    return makeRound(plan, round, numbers);
  });
  return { plan, rounds, closedLoop: null };
}

/** Several runs of one program on one machine, for a baseline. */
export function makeRuns(count: number, options: EvidenceOptions = {}): ScenarioEvidence[] {
  return Array.from({ length: count }, (_, index) =>
    makeEvidence({ ...options, seed: String(1_000 + index) }),
  );
}

export const machine: Fingerprint = {
  cpuModel: 'AMD EPYC (25/17/1)',
  cpuFlagsSha256: 'a'.repeat(64),
  cores: 2,
  cpuQuota: 'none',
  hypervisor: 'kvm',
  kernel: '6.18.44',
  mitigations: '2 mitigated, 2 vulnerable',
  governor: 'none',
  clocksource: 'tsc',
  goVersion: 'go1.26.8',
  goArch: 'amd64',
  goMaxProcs: 1,
};

export function makeRecord(changes: Partial<RunRecord> = {}): RunRecord {
  return {
    schema: 1,
    runId: '20261122T180000Z-io_uring',
    suite: 'io_uring',
    command: 'npm run bench io_uring -- --seed=1',
    startedAt: '2026-11-22T18:00:00.000Z',
    durationNs: 60e9,
    status: 'complete',
    failure: '',
    failureExit: 0,
    version: '0.1.0',
    revision: '0123456789abcdef0123456789abcdef01234567',
    dirty: false,
    quick: false,
    seed: '1',
    fingerprint: machine,
    fitness: [],
    checks: [],
    lost: [],
    required: [],
    builds: [],
    plans: [],
    ...changes,
  };
}

export const lostEbpf: RunRecord['lost'][number] = {
  capability: 'ebpf',
  what: 'wake-up latency and system calls',
  reason: 'bpf(BPF_PROG_LOAD): operation not permitted',
  remedy: 'sudo npm run bench io_uring',
};

const blobs = new Map<string, string>();

/** A compressed HDR blob that holds each `[value, count]`; made once for equal rows. */
export function hdrBlob(rows: readonly (readonly [value: number, count: number])[]): string {
  const key = rows.map(([value, count]) => `${Math.round(value)}:${count}`).join();
  const blob = blobs.get(key) ?? encode(rows);
  blobs.set(key, blob);
  return blob;
}

function encode(rows: readonly (readonly [value: number, count: number])[]): string {
  // The range and precision of the load generator's: histograms merge when these are equal.
  const histogram = hdr.build({
    bitBucketSize: 64,
    highestTrackableValue: 60e9,
    numberOfSignificantValueDigits: 3,
  });
  for (const [value, count] of rows) {
    histogram.recordValueWithCount(Math.round(value), count);
  }
  return hdr.encodeIntoCompressedBase64(histogram);
}

/** A latency histogram with these quantiles and nothing between them. */
export function latencyBlob(count: number, p50Ns: number, p99Ns: number): string {
  const slow = Math.ceil(count * 0.015);
  return hdrBlob([
    [p50Ns, count - slow],
    [p99Ns, slow],
  ]);
}

/** The unobserved arm of one round, to be changed by a test. */
export function unobservedArm(evidence: ScenarioEvidence, round: number, variant: string): ArmLoad {
  const arm = evidence.rounds[round - 1]?.load.phases[0]?.arms[variant];
  if (arm === undefined) {
    throw new Error(`round ${round} has no arm ${variant}`);
  }
  return arm;
}

/** Judges an arm as the generator does one whose requests were lost. */
export function judgeLost(arm: ArmLoad, text: string): void {
  const reason: LoadReason = {
    ...{ rule: 'loss', grade: 'invalid', cause: 'server', seen: 1, limit: 0.001, unit: 'ratio' },
    text,
  };
  arm.validity = { ...arm.validity, absolute: 'invalid', reasons: [reason] };
}

/** The probed target of one round, to be changed by a test. */
export function probeOf(evidence: ScenarioEvidence, round: number, variant: string): ProbeTarget {
  const target = evidence.rounds[round - 1]?.netprobe?.targets[variant];
  if (target === undefined) {
    throw new Error(`round ${round} was not probed for ${variant}`);
  }
  return target;
}

/** Times within ±1.7 %, counts as they are. */
function jitter(numbers: VariantNumbers, name: string): VariantNumbers {
  const below = randomIntegers(seedFromName(name));
  const factor = () => Math.exp((below(2001) - 1000) / 60_000);
  const { p50Ns, p99Ns, cpuNs, contextSwitches, polls, wakeupNs } = numbers;
  return {
    ...numbers,
    p50Ns: p50Ns * factor(),
    p99Ns: p99Ns * factor(),
    cpuNs: cpuNs * factor(),
    contextSwitches: contextSwitches * factor(),
    polls: polls * factor(),
    wakeupNs: wakeupNs * factor(),
  };
}

function makeRound(
  plan: Plan,
  round: number,
  numbers: Record<string, VariantNumbers>,
): RoundEvidence {
  const each = <T>(make: (numbers: VariantNumbers, variant: string) => T) =>
    Object.fromEntries(
      Object.entries(numbers).map(([variant, own]) => [variant, make(own, variant)]),
    );
  const netpollerOf = (variant: string) => {
    const spec = plan.scenario.variants[variant];
    return spec && 'netpoller' in spec ? spec.netpoller : 'epoll';
  };
  return {
    record: {
      schema: 1,
      round,
      servers: each((_, variant) => ({
        pid: 1000,
        address: '127.0.0.1:40000',
        sha256: 'b'.repeat(64),
        netpoller: netpollerOf(variant),
        goMaxProcs: 1,
        cpus: '0',
      })),
      windows: { unobserved: each((own) => edges(own, {})), observed: each(observedEdges) },
      missing: {},
    },
    load: {
      schema: 2,
      protocol: plan.scenario.load.protocol,
      mode: 'open',
      arrivals: 'poisson',
      interleave: plan.scenario.load.interleave,
      seed: '1',
      scheduleHash: 'sha256:0',
      startedNs: 0,
      connect: each(() => ({ ...summary(64, 90_000, 200_000), histogram: '' })),
      phases: [phase('unobserved', each(makeArm)), phase('observed', each(makeArm))],
    },
    netprobe: {
      schema: 1,
      kernel: machine.kernel,
      window: { beginNs: 0, endNs: 2e9 },
      bucketScheme: 'log-linear-32',
      targets: each((own, variant) => makeTarget(own, netpollerOf(variant))),
    },
    cpuProfiles: {},
    goroutineProfiles: {},
    traces: {},
  };
}

function phase(name: string, arms: LoadPhase['arms']): LoadPhase {
  const alone = Object.keys(arms).length === 1;
  return {
    name,
    startNs: 0,
    endNs: 5e9,
    ratePerSec: 6000,
    offeredRatePerSec: 6000,
    arms,
    paired: { grade: alone ? null : 'valid', reasons: [] },
    generator: {
      cpuNs: 1e9,
      busyRatio: 0.2,
      voluntarySwitches: 10,
      involuntarySwitches: 10,
      cpus: [1],
      threads: 1,
      scheduling: 'fifo',
      runQueueNs: 1e6,
      stealNs: 0,
      largestGapNs: 90_000,
      clockReadNs: 40,
      kernelStamps: true,
    },
  };
}

function makeArm({ requests, p50Ns, p99Ns }: VariantNumbers): ArmLoad {
  const blob = latencyBlob(requests, p50Ns, p99Ns);
  return {
    scheduled: requests,
    sent: requests,
    completed: requests,
    unsent: 0,
    queued: 0,
    errors: { connect: 0, reset: 0, timeout: 0, status: 0, body: 0 },
    reconnects: 0,
    achievedRatePerSec: requests / 5,
    latencyNs: summary(requests, p50Ns, p99Ns),
    serviceNs: summary(requests, p50Ns, p99Ns),
    sendLagNs: summary(requests, 600, 4_000),
    receiveLagNs: summary(requests, 900, 5_000),
    latencyHistogram: blob,
    serviceHistogram: blob,
    sendLagHistogram: latencyBlob(requests, 600, 4_000),
    receiveLagHistogram: latencyBlob(requests, 900, 5_000),
    validity: { absolute: 'valid', reasons: [], warmupCutNs: 0, p99Interval: null },
  };
}

function summary(count: number, p50: number, p99: number): LatencySummary {
  const [low, high] = [Math.round(p50), Math.round(p99)];
  return { count, mean: low, min: low, p50: low, p90: low, p99: high, p999: high, max: high };
}

function edges(own: VariantNumbers, leaked: Record<string, number>) {
  return { begin: snapshot(own, 0, {}), end: snapshot(own, own.requests, leaked) };
}

function observedEdges(own: VariantNumbers) {
  return edges(own, own.procLeaked ?? own.leaked);
}

function snapshot(own: VariantNumbers, requests: number, leaked: Record<string, number>): Snapshot {
  const cpuNs = Math.round(own.cpuNs * requests);
  const switches = Math.round(own.contextSwitches * requests);
  const fixture: FixtureCounters = {
    monotonicNs: 1e9 + requests,
    requests,
    userCpuNs: Math.round(cpuNs / 4),
    systemCpuNs: cpuNs - Math.round(cpuNs / 4),
    voluntarySwitches: switches,
    involuntarySwitches: 0,
    minorFaults: 0,
    majorFaults: 0,
    heapAllocObjects: Math.round(own.allocations * requests),
    heapAllocBytes: 0,
    gcCycles: 0,
    gcPauseNs: 0,
    goroutines: 70,
    openFds: 70,
    experimental: {},
  };
  const openFds: Record<string, number> = { socket: 66, file: 3, epoll: 1 };
  for (const [kind, count] of Object.entries(leaked)) {
    openFds[kind] = (openFds[kind] ?? 0) + count;
  }
  // As net/http does it: a read, one that finds nothing more, and a write.
  const calls = { readCalls: 2 * requests, writeCalls: requests };
  const proc = { cpuNs, voluntarySwitches: switches, involuntarySwitches: 0, ...calls, openFds };
  return { proc, fixture };
}

function makeTarget(own: VariantNumbers, netpoller: 'epoll' | 'io_uring'): ProbeTarget {
  const calls = (perRequest: number) => Math.round(perRequest * own.requests);
  const count = own.requests;
  return {
    pid: 1000,
    goVersion: 'go1.26.8',
    sites: [],
    histograms: { wakeupNs: wakeups(count, own.wakeupNs) },
    syscalls: {
      read: calls(own.reads),
      write: calls(own.writes),
      [netpoller === 'epoll' ? 'epoll_pwait' : 'io_uring_enter']: calls(own.polls),
    },
    descriptors: {
      opened: { ...own.leaked, socket: 100 + (own.leaked['socket'] ?? 0) },
      closed: { socket: 100 },
      closedPreexisting: 0,
      openAtEnd: { ...own.leaked },
    },
    lost: { ringbuf: 0 },
  };
}

/** All wake-ups in one bucket: 8,192 to 8,448 ns is bucket 288. */
function wakeups(count: number, ns: number) {
  const value = Math.round(ns);
  const octave = Math.floor(Math.log2(value));
  const index = (octave - 4) * 32 + (Math.floor(value / 2 ** (octave - 5)) % 32);
  return { count, sum: count * value, max: value, overflow: 0, buckets: [[index, count]] };
}
