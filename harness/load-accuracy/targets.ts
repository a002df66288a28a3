import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PollgateError } from '../lib/errors.ts';
import { orAborted } from '../lib/interrupt.ts';
import { formatJson } from '../lib/json.ts';
import { formatDuration, formatNs, formatRate, noValue } from '../lib/units.ts';
import { seedFromName } from '../stats/random.ts';
import {
  below,
  grades,
  hasEnoughClean,
  type Judgement,
  judgeClean,
  judgeMany,
  judgeOracle,
  judgeRate,
  lag,
  latency,
  medianOf,
  type OwnRun,
  schedulingOf,
} from './judge.ts';
import { median } from './median.ts';
import { runPlaces, withoutPlaces } from './places.ts';
import type { Target } from './result.ts';
import { runTool } from './run-tool.ts';
import type { Job } from './tool.ts';
import { commonSpec, type Load, ours, parseLoad } from './tools/ours.ts';
import { withTruthServer } from './truth-server.ts';

export interface TargetsOptions {
  quick: boolean;
  seed: string;
  binaries: { loadgen: string; truthd: string; childcost: string };
  serverCpu: number;
  toolCpu: number;
  dir: string;
  signal: AbortSignal;
  say: (text: string) => void;
}

type Settings = Record<string, unknown>;
type Run = (
  name: string,
  connections: number,
  durationMs: number,
  settings: Settings,
) => Promise<OwnRun>;

const services = [
  { name: 'fixed 50 µs', meanNs: 50e3, spec: { kind: 'fixed', ns: 50_000 } },
  { name: 'exponential 200 µs', meanNs: 200e3, spec: { kind: 'exponential', meanNs: 200_000 } },
  {
    name: 'bimodal 100 µs, 1 % 10 ms',
    meanNs: 199e3,
    spec: { kind: 'bimodal', ns: 100_000, tailNs: 10_000_000, tailShare: 0.01 },
  },
] as const;
/** Caches and the kernel's own pace settle; what they do at first is no part of a goal. */
const warmUp = { name: 'warm-up', durationMs: 500, record: false };
const nothing = { kind: 'fixed', ns: 0 } as const;
/** What the server does for a request besides its service, about; it counts into ρ. */
const overheadNs = 8_000;

/** Measures what our generator promises, each goal several times in a row. */
export async function measureTargets(
  options: TargetsOptions,
  onTarget: (target: Target) => void,
): Promise<void> {
  const repeats = options.quick ? 1 : 5;
  const run = runnerOf(options);
  /** Asks the goal up to `times` times; a run that fails is a goal that is not met. */
  const ask = async (
    name: string,
    goal: string,
    times: number,
    one: (attempt: number) => Promise<OwnRun>,
    judge: (runs: readonly OwnRun[]) => Judgement,
    isEnough: (runs: readonly OwnRun[]) => boolean = () => false,
  ) => {
    options.say(`goal: ${name}`);
    try {
      const runs: OwnRun[] = [];
      for (let attempt = 1; attempt <= times && !isEnough(runs); attempt++) {
        runs.push(await orAborted(options.signal, one(attempt)));
      }
      onTarget({ name, goal, scheduling: schedulingOf(runs), ...judge(runs) });
    } catch (error) {
      if (!(error instanceof PollgateError) || options.signal.aborted) {
        throw error;
      }
      const [why = ''] = withoutPlaces(error.message, runPlaces(options.dir)).split('\n');
      onTarget({ name, goal, seen: `failed: ${why}`, scheduling: '', met: false });
    }
  };
  for (const { name, meanNs, spec } of services) {
    for (const rho of [0.1, 0.4, 0.7, 0.9]) {
      // Near saturation the path's own delay makes queues longer: shown, no goal.
      const isGoal = rho < 0.9;
      const ratePerSec = Math.round((rho * 1e9) / (meanNs + overheadNs));
      const settings = { truth: { service: spec }, ratePerSec };
      await ask(
        `error against the oracle, ${name}, ρ ${rho}`,
        isGoal ? 'medians of |error|: p50 ≤ 10 µs, p99 ≤ max(50 µs, 0.5 %)' : 'published',
        repeats,
        (attempt) => run(`oracle-${attempt}`, 64, 1_000, settings),
        (runs) => (isGoal ? judgeOracle(runs) : { ...judgeOracle(runs), met: null }),
      );
    }
  }
  await ask(
    'the path itself: a request that costs the server nothing, 2,000/s',
    'published, never subtracted',
    repeats,
    (attempt) =>
      run(`path-${attempt}`, 64, 1_000, { truth: { service: nothing }, ratePerSec: 2_000 }),
    (runs) => ({
      seen: `p50 ${formatNs(medianOf(runs, latency('p50')))}, p99 ${formatNs(medianOf(runs, latency('p99')))}; ${grades(runs)}`,
      met: null,
    }),
  );
  await ask(
    'pacing lag at 20,000/s',
    'p50 ≤ 1 µs, p99 ≤ 50 µs',
    repeats,
    (attempt) =>
      run(`pacing-${attempt}`, 64, 1_000, { truth: { service: nothing }, ratePerSec: 20_000 }),
    (runs) => {
      const [p50, p99] = [medianOf(runs, lag('p50')), medianOf(runs, lag('p99'))];
      return {
        seen: `p50 ${formatNs(p50)}, p99 ${formatNs(p99)}; ${grades(runs)}`,
        met: below(p50, 1e3) && below(p99, 50e3),
      };
    },
  );
  for (const [ratePerSec, goal, promise] of [
    [60_000, 'valid, 99.9 % of the offered rate achieved', 'achieved'],
    [80_000, '99.9 % of the scheduled sent', 'sent'],
  ] as const) {
    await ask(
      `one core, open loop, ${ratePerSec / 1000},000/s`,
      goal,
      repeats,
      (attempt) => run(`rate-${attempt}`, 64, 1_000, { truth: { service: nothing }, ratePerSec }),
      (runs) => judgeRate(runs, promise),
    );
  }
  await ask(
    '10,000 connections, 20,000/s, twice in a row',
    'up in 5 s, 100 MiB, lag p99 ≤ 200 µs',
    options.quick ? 1 : 2,
    (attempt) =>
      run(`many-${attempt}`, 10_000, 2_000, { truth: { service: nothing }, ratePerSec: 20_000 }),
    judgeMany,
  );
  if (!options.quick) {
    await ask(
      '100 clean runs of 2 s, their p99 right by the oracle',
      '≤ 1 alarm about the generator',
      4,
      (attempt) => cleanRuns(run, attempt),
      judgeClean,
      hasEnoughClean,
    );
    await searchTarget(run, ask);
  }
}

/** Each phase is judged for itself, so that one process makes fifty runs. */
function cleanRuns(run: Run, attempt: number): Promise<OwnRun> {
  const phases = Array.from({ length: 50 }, (_, index) => ({
    name: `clean-${index + 1}`,
    durationMs: 2_000,
  }));
  const settings = {
    truth: { service: services[0].spec },
    ratePerSec: 5_000,
    phases: [warmUp, ...phases],
  };
  return run(`clean-${attempt}`, 64, 50 * 2_000, settings);
}

const sloP99Ns = 5_000_000;

/**
 * The highest rate with p99 ≤ 5 ms at exponential service: for M/M/1 the time in the system is
 * exponential with rate μ − λ, so that λ = μ − ln 100 / p99. How long a request really keeps the
 * server, 1/μ, its own work included, is what the server's stamps say.
 */
function analyticRate(load: Load | undefined): number | null {
  const occupancySec = median(
    (load?.phases ?? []).flatMap((phase) => {
      const utilisation = Object.values(phase.arms)[0]?.oracle?.utilisation;
      return utilisation === undefined ? [] : utilisation / phase.offeredRatePerSec;
    }),
  );
  return occupancySec === null ? null : 1 / occupancySec - Math.log(100) / (sloP99Ns / 1e9);
}

async function searchTarget(
  run: Run,
  ask: (
    name: string,
    goal: string,
    times: number,
    one: () => Promise<OwnRun>,
    judge: (runs: readonly OwnRun[]) => Judgement,
  ) => Promise<void>,
): Promise<void> {
  const search = {
    sloP99Ns,
    fromRatePerSec: 500,
    toRatePerSec: 20_000,
    probeMs: 4_500,
    maxProbes: 12,
  };
  const settings = { truth: { service: services[1].spec }, search, phases: undefined };
  let tookMs = 0;
  await ask(
    `search, exponential 200 µs, p99 ≤ ${formatNs(sloP99Ns)}`,
    'within 3 % of the analytic rate, ≤ 12 probes, ≤ 90 s',
    1,
    async () => {
      const begin = performance.now();
      const found = await run('search', 64, 100_000, settings);
      tookMs = performance.now() - begin;
      return found;
    },
    ([only]) => {
      const found = only?.load.search;
      const rate = found?.ratePerSec ?? null;
      const analytic = analyticRate(only?.load);
      const probes = found?.probes.length ?? 0;
      return {
        seen: `${formatRate(rate)} of ${formatRate(analytic)}, ${probes} probes, ${formatDuration(tookMs * 1e6)}, limited by ${found?.limitedBy ?? noValue}`,
        met:
          rate !== null &&
          analytic !== null &&
          Math.abs(rate / analytic - 1) <= 0.03 &&
          probes <= 12 &&
          tookMs <= 90_000,
      };
    },
  );
}

function runnerOf(options: TargetsOptions): Run {
  const { binaries, serverCpu, toolCpu, seed } = options;
  return async (name, connections, durationMs, settings) => {
    const dir = join(options.dir, `target-${name}`);
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    const server = { binary: binaries.truthd, cpu: serverCpu, protocol: 'truth' } as const;
    const { result } = await withTruthServer(server, async (address): Promise<OwnRun> => {
      const own = String(seedFromName(`${seed} ${name}`));
      const job: Job = {
        address,
        connections,
        ratePerSec: 0,
        durationMs,
        dir,
        cpu: toolCpu,
        seed: own,
      };
      const spec = {
        ...commonSpec(job),
        protocol: 'truth',
        phases: [warmUp, { name: 'load', durationMs }],
        ...settings,
      };
      const tool = { ...ours, files: () => ({ 'spec.json': formatJson(spec) }) };
      const begin = process.hrtime.bigint();
      const runner = { childcost: binaries.childcost, cpu: toolCpu };
      const { cost } = await runTool(tool, [binaries.loadgen], ours.args(job) ?? [], job, runner);
      const load = parseLoad(await readFile(join(dir, 'load.json'), 'utf8'));
      return { load, cost, upNs: load.startedNs - Number(begin) };
    });
    await rm(dir, { recursive: true, force: true });
    return result;
  };
}
