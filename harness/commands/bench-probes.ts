import { randomBytes } from 'node:crypto';
import { rm, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { binaryPath, buildPrograms, fixturesModule, type Program } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools as programs } from '../build/programs.ts';
import { allowedCpus } from '../host/cpus.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import { findNetprobeAccess, isPrivileged } from '../host/netprobe-access.ts';
import {
  type ExitCode,
  exitCode,
  infrastructureError,
  messageOf,
  PollgateError,
} from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { watchNoise } from '../load-accuracy/noise.ts';
import { runPlaces, withoutPlaces } from '../load-accuracy/places.ts';
import { judgeGoals } from '../probe-cost/goals.ts';
import { connections, serverSpec } from '../probe-cost/measure.ts';
import { ProbeCost } from '../probe-cost/result.ts';
import { measureAll } from '../probe-cost/run.ts';
import { renderResult } from '../probe-cost/table.ts';
import { allWatches, chooseWatches } from '../probe-cost/watches.ts';
import { lockMeasuring } from '../run/lock.ts';
import { type Placement, placeOn } from '../run/placement.ts';
import { makeRunDirectory } from '../run/run-directory.ts';
import { packageVersion } from './version.ts';

export interface BenchProbesOptions {
  quick: boolean;
  seed?: string;
  only?: readonly string[];
  reports: string;
}

const windowMs = 1_000;

const server: Program = {
  name: serverSpec.fixture,
  moduleDir: fixturesModule,
  package: `./cmd/${serverSpec.fixture}`,
  netpoller: serverSpec.netpoller,
};

/** Measures what netprobe, and the tools of others, cost a Go server; prints one table. */
export async function benchProbesCommand(options: BenchProbesOptions): Promise<ExitCode> {
  const placement = await twoPlaces();
  // Before anything is compiled: a run that measures must not be disturbed by that.
  const release = await lockMeasuring();
  try {
    return await measure(options, placement);
  } finally {
    release();
  }
}

async function measure(options: BenchProbesOptions, placement: Placement): Promise<ExitCode> {
  const signal = interruptSignal();
  const say = (text: string) => console.error(text);
  const startedAt = new Date();
  const seed = options.seed ?? randomBytes(8).readBigUInt64BE().toString();
  const go = await findGo();
  const needed = [server, programs.loadgen, programs.netprobe];
  const { builds } = await buildPrograms(go, needed, (missing) =>
    say(`building ${missing} Go programs`),
  );
  const [build] = builds;
  if (build === undefined) {
    throw new Error(`${server.name} was not built`);
  }
  const command = await privilegedNetprobe(signal);
  const watches = chooseWatches(await allWatches(command, signal), options.only);
  const begin = process.hrtime.bigint();
  const { runId, runDir } = await makeRunDirectory(
    resolve(options.reports),
    startedAt,
    'bench-probes',
  );
  const noise = await watchNoise();
  const result: Omit<ProbeCost, 'noise'> = {
    schema: 1,
    runId,
    command: repeatBenchProbes(seed, options),
    startedAt: startedAt.toISOString(),
    durationNs: 0,
    status: 'interrupted',
    failed: '',
    version: packageVersion,
    quick: options.quick,
    seed,
    fingerprint: await readFingerprint({
      goVersion: go.version,
      goArch: go.arch,
      serverCpus: placement.servers.split(',').length,
    }),
    placement: { server: placement.servers, generator: placement.generator },
    connections,
    windowMs,
    rates: null,
    watches: watches.map(({ entry }) => entry),
    measured: [],
    failures: [],
    goals: [],
  };
  const scratch = join(runDir, 'windows');
  try {
    await measureAll(
      {
        ...{ build, placement, windowMs, seed, quick: options.quick, signal, say, dir: scratch },
        loadgen: binaryPath(programs.loadgen),
        watches: watches.filter(({ entry }) => entry.missing === ''),
        between: noise.look,
      },
      {
        rates: (rates) => {
          result.rates = rates;
        },
        measured: (measured) => {
          result.measured.push(...measured);
        },
        failed: (failure) => {
          result.failures.push(failure);
        },
      },
    );
    result.status = 'complete';
  } catch (error) {
    if (!signal.aborted) {
      result.status = 'failed';
      result.failed = withoutPlaces(messageOf(error), runPlaces(scratch));
    }
    throw error;
  } finally {
    result.durationNs = Number(process.hrtime.bigint() - begin);
    result.goals = judgeGoals(result.measured);
    const whole = { ...result, noise: await noise.end() };
    checkJson(whole, ProbeCost, { name: 'the result', remedy: 'report this as a bug' });
    const table = renderResult(whole);
    await writeFileAtomic(join(runDir, 'result.json'), formatJson(whole));
    await writeFileAtomic(join(runDir, 'result.md'), table);
    // What failed windows have left stays; those that an interrupt broke off tell nothing.
    await (signal.aborted ? rm(scratch, { recursive: true, force: true }) : rmdir(scratch)).catch(
      () => {},
    );
    console.log(table);
    say(`kept in ${runDir}`);
  }
  refuseEmpty(result);
  return exitCode.pass;
}

/** @throws PollgateError where nothing came of the run */
function refuseEmpty({ measured, watches, failures }: Omit<ProbeCost, 'noise'>): void {
  if (measured.length === 0) {
    const reasons = [
      ...watches.flatMap(({ id, missing }) => (missing === '' ? [] : [`${id}: ${missing}`])),
      ...failures.map(({ watch, why }) => `${watch}: ${why}`),
    ];
    throw infrastructureError(
      `Nothing was measured.\n${[...new Set(reasons)].join('\n')}`,
      'mend what is named',
    );
  }
}

/**
 * The least privileged way to call netprobe.
 * @throws PollgateError (missing capability) where it may attach nothing
 */
async function privilegedNetprobe(signal: AbortSignal): Promise<readonly string[]> {
  const access = await findNetprobeAccess(binaryPath(programs.netprobe), signal);
  if (access === undefined) {
    throw new Error('netprobe was built and is not there');
  }
  if (!isPrivileged(access.capabilities)) {
    const lacking = access.capabilities.find(({ capability }) => capability === 'privileges');
    throw new PollgateError(
      `netprobe may not attach anything here: ${lacking?.error || access.refusal || 'no privileges'}`,
      {
        exitCode: exitCode.missingCapability,
        remedy: lacking?.remedy || 'run as root, or give netprobe CAP_BPF and CAP_PERFMON',
      },
    );
  }
  return access.command;
}

/** Server and generator apart: what they share is not measured. */
async function twoPlaces(): Promise<Placement> {
  const cpus = await allowedCpus();
  const placement = placeOn(cpus);
  if (placement.generator < 0) {
    throw infrastructureError(
      `This process may run on CPU ${cpus.join(', ')} only; server and generator need one each.`,
      'taskset -pc 0-1 $$ (where the machine has two), then run again',
    );
  }
  return placement;
}

/** The command that repeats a run. */
function repeatBenchProbes(seed: string, options: BenchProbesOptions): string {
  const words = [
    options.quick ? '--quick' : '',
    options.only === undefined ? '' : `--only=${options.only.join(',')}`,
    `--seed=${seed}`,
  ];
  return ['npm run bench:probes --', ...words.filter(Boolean)].join(' ');
}
