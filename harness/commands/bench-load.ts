import { randomBytes } from 'node:crypto';
import { rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { binaryPath, buildPrograms } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools as programs } from '../build/programs.ts';
import { allowedCpus } from '../host/cpus.ts';
import { readFingerprint } from '../host/fingerprint.ts';
import {
  type ExitCode,
  exitCode,
  infrastructureError,
  messageOf,
  usageError,
} from '../lib/errors.ts';
import { writeFileAtomic } from '../lib/fs.ts';
import { interruptSignal } from '../lib/interrupt.ts';
import { checkJson, formatJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { costTargets } from '../load-accuracy/cost-targets.ts';
import { type Located, locate } from '../load-accuracy/install.ts';
import { type Group, groups, measurements } from '../load-accuracy/measurement.ts';
import { watchNoise } from '../load-accuracy/noise.ts';
import { runPlaces, withoutPlaces } from '../load-accuracy/places.ts';
import { LoadAccuracy, type ToolEntry, whyNothing } from '../load-accuracy/result.ts';
import { runRounds } from '../load-accuracy/rounds.ts';
import { renderResult } from '../load-accuracy/table.ts';
import { measureTargets } from '../load-accuracy/targets.ts';
import type { Tool } from '../load-accuracy/tool.ts';
import { allTools } from '../load-accuracy/tools/index.ts';
import { lockMeasuring } from '../run/lock.ts';
import { makeRunDirectory } from '../run/run-directory.ts';
import { packageVersion } from './version.ts';

export interface BenchLoadOptions {
  quick: boolean;
  rounds?: number;
  minutes?: number;
  seed?: string;
  only?: readonly Group[];
  tools?: readonly string[];
  without: readonly string[];
  reports: string;
}

const full = { rounds: 5, minutes: 25 } as const;
const short = { rounds: 2, minutes: 3 } as const;

/** Puts the load generators that this machine can have to the test; prints one table. */
export async function benchLoadCommand(options: BenchLoadOptions): Promise<ExitCode> {
  const wanted = options.only ?? groups;
  refuseNothing(options, wanted);
  const [serverCpu, toolCpu] = await twoCpus();
  // Before anything is compiled: a run that measures must not be disturbed by that.
  const release = await lockMeasuring();
  try {
    return await measure(options, wanted, [serverCpu, toolCpu]);
  } finally {
    release();
  }
}

async function measure(
  options: BenchLoadOptions,
  wanted: readonly Group[],
  [serverCpu, toolCpu]: readonly [server: number, tool: number],
): Promise<ExitCode> {
  const signal = interruptSignal();
  const say = (text: string) => console.error(text);
  const startedAt = new Date();
  const seed = options.seed ?? randomBytes(8).readBigUInt64BE().toString();
  const go = await findGo();
  const ours = chosen(options).some(isOwn);
  const needed = [programs.truthd, programs.childcost, ...(ours ? [programs.loadgen] : [])];
  await buildPrograms(go, needed, (missing) => say(`building ${missing} Go programs`));
  const own = new Map([
    ['loadgen', { path: binaryPath(programs.loadgen), version: packageVersion }],
  ]);
  const located: Located[] = [];
  for (const tool of chosen(options)) {
    located.push(await locate(tool, { go, own, onInstall: say, signal }));
  }
  const { rounds, minutes } = { ...(options.quick ? short : full), ...defined(options) };
  // From here on: what had to be installed is none of the measurement.
  const begin = process.hrtime.bigint();
  const { runId, runDir } = await makeRunDirectory(
    resolve(options.reports),
    startedAt,
    'bench-load',
  );
  const noise = await watchNoise();
  const result: Omit<LoadAccuracy, 'noise'> = {
    schema: 1,
    runId,
    command: repeatBenchLoad(seed, options),
    startedAt: startedAt.toISOString(),
    durationNs: 0,
    status: 'interrupted',
    failed: '',
    version: packageVersion,
    quick: options.quick,
    seed,
    fingerprint: await readFingerprint({ goVersion: go.version, goArch: go.arch, serverCpus: 1 }),
    placement: { server: serverCpu, tool: toolCpu },
    rounds: { planned: rounds, done: 0 },
    tools: located.map(entryOf),
    readings: [],
    targets: [],
  };
  const scratch = join(runDir, 'jobs');
  const binaries = {
    loadgen: binaryPath(programs.loadgen),
    truthd: binaryPath(programs.truthd),
    childcost: binaryPath(programs.childcost),
  };
  const common = { binaries, serverCpu, toolCpu, seed, dir: scratch, signal, say };
  try {
    // Our generator's own goals come first: they take a known time.
    if (ours && wanted.includes('targets')) {
      await measureTargets({ ...common, quick: options.quick }, (target) => {
        result.targets.push(target);
      });
    }
    const spentMs = Number(process.hrtime.bigint() - begin) / 1e6;
    result.rounds.done = await runRounds(
      {
        ...common,
        measurements: measurements(options.quick).filter(({ group }) => wanted.includes(group)),
        tools: located.filter((each) => each.available),
        rounds,
        budgetMs: minutes * 60_000 - spentMs,
        betweenRounds: noise.look,
      },
      (reading) => result.readings.push(reading),
    );
    result.targets.push(...costTargets(result.readings, result.tools));
    result.status = 'complete';
  } catch (error) {
    if (!signal.aborted) {
      result.status = 'failed';
      result.failed = withoutPlaces(messageOf(error), runPlaces(scratch));
    }
    throw error;
  } finally {
    result.durationNs = Number(process.hrtime.bigint() - begin);
    if (result.status !== 'complete') {
      // The one that was under way is not done.
      result.rounds.done = Math.max(1, ...result.readings.map(({ round }) => round)) - 1;
    }
    const whole = { ...result, noise: await noise.end() };
    checkJson(whole, LoadAccuracy, { name: 'the result', remedy: 'report this as a bug' });
    const table = renderResult(whole);
    await writeFileAtomic(join(runDir, 'result.json'), formatJson(whole));
    await writeFileAtomic(join(runDir, 'result.md'), table);
    // What failed jobs have left stays.
    await rmdir(scratch).catch(() => {});
    console.log(table);
    say(`kept in ${runDir}`);
  }
  refuseEmpty(result, runDir);
  return exitCode.pass;
}

function defined({ rounds, minutes }: BenchLoadOptions): { rounds?: number; minutes?: number } {
  return {
    ...(rounds === undefined ? {} : { rounds }),
    ...(minutes === undefined ? {} : { minutes }),
  };
}

/** @throws PollgateError where the options leave nothing to measure */
function refuseNothing(options: BenchLoadOptions, wanted: readonly Group[]): void {
  const tools = chosen(options);
  if (tools.length === 0) {
    const named = options.tools === undefined ? '' : `--tools=${options.tools.join(',')} `;
    throw usageError(
      `${named}--without=${options.without.join(',')} leaves no generator; at least one is needed.`,
      `leave some of ${allTools.map(({ id }) => id).join(', ')}`,
    );
  }
  if (wanted.every((group) => group === 'targets') && tools.every((tool) => !isOwn(tool))) {
    throw usageError(
      `--only=targets asks for the goals of our generator, and the selection has ${tools.map(({ id }) => id).join(', ')} only.`,
      'npm run bench:load -- --only=targets --tools=ours',
    );
  }
}

/** @throws PollgateError where nothing came of the run */
function refuseEmpty(result: Pick<LoadAccuracy, 'readings' | 'targets' | 'tools'>, runDir: string) {
  const reasons = whyNothing(result);
  if (reasons !== null) {
    throw infrastructureError(
      `Nothing was measured: no generator gave a figure, and no goal was measured.\n${reasons.join('\n')}`,
      `mend what is named; the output of failed jobs is in ${join(runDir, 'jobs')}`,
    );
  }
}

function isOwn({ source }: Tool): boolean {
  return source.kind === 'own';
}

/** The first CPU for the server, the last for the generators: what they share is not measured. */
async function twoCpus(): Promise<[server: number, tool: number]> {
  const cpus = await allowedCpus();
  const [first, last] = [cpus[0], cpus.at(-1)];
  if (first === undefined || last === undefined || first === last) {
    throw infrastructureError(
      `This process may run on CPU ${cpus.join(', ')} only; server and generator need one each.`,
      'taskset -pc 0-1 $$ (where the machine has two), then run again',
    );
  }
  return [first, last];
}

function chosen({ tools, without }: BenchLoadOptions): Tool[] {
  return allTools.filter(({ id }) => (tools?.includes(id) ?? true) && !without.includes(id));
}

function entryOf(located: Located): ToolEntry {
  const { tool } = located;
  return {
    id: tool.id,
    title: tool.title ?? tool.id,
    loop: tool.loop,
    how: tool.how,
    version: located.available ? located.version : '',
    missing: located.available ? '' : located.why.replaceAll(`${rootDir}/`, ''),
  };
}

/** The command that repeats a run. */
function repeatBenchLoad(seed: string, options: BenchLoadOptions): string {
  const words = [
    options.quick ? '--quick' : '',
    options.rounds === undefined ? '' : `--rounds=${options.rounds}`,
    options.minutes === undefined ? '' : `--minutes=${options.minutes}`,
    options.only === undefined ? '' : `--only=${options.only.join(',')}`,
    options.tools === undefined ? '' : `--tools=${options.tools.join(',')}`,
    options.without.length === 0 ? '' : `--without=${options.without.join(',')}`,
    `--seed=${seed}`,
  ];
  return ['npm run bench:load --', ...words.filter(Boolean)].join(' ');
}
