import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PollgateError } from '../lib/errors.ts';
import { orAborted } from '../lib/interrupt.ts';
import { randomIntegers, seedFromName } from '../stats/random.ts';
import type { Located } from './install.ts';
import type { Measurement } from './measurement.ts';
import { runPlaces, withoutPlaces } from './places.ts';
import type { Reading } from './result.ts';
import { runTool } from './run-tool.ts';
import type { Job } from './tool.ts';
import { withTruthServer } from './truth-server.ts';

export interface RoundsOptions {
  measurements: readonly Measurement[];
  tools: readonly Extract<Located, { available: true }>[];
  rounds: number;
  /** No round begins that would end later, after the first; ms from now. */
  budgetMs: number;
  seed: string;
  binaries: { truthd: string; childcost: string };
  serverCpu: number;
  toolCpu: number;
  /** Folder for the files of the generators; those of failed jobs stay. */
  dir: string;
  signal: AbortSignal;
  say: (text: string) => void;
  /** Between two rounds, while nothing is measured. */
  betweenRounds: () => void;
}

/** After so many failures at one measurement a generator is not asked again. */
const patience = 2;

/**
 * Asks every generator once a round, in an order that the seed draws anew for each measurement, so
 * that what the machine does meanwhile hits all alike.
 * @param onReading told at once, so that an interrupted run keeps what it has
 * @returns how many rounds were done
 */
export async function runRounds(
  options: RoundsOptions,
  onReading: (reading: Reading) => void,
): Promise<number> {
  const begin = performance.now();
  const failures = new Map<string, number>();
  /** How long each measurement took when it was done last. */
  const took = new Map<string, number>();
  for (let round = 1; round <= options.rounds; round++) {
    const needed = options.measurements.reduce((sum, { id }) => sum + (took.get(id) ?? 0), 0);
    if (round > 1 && performance.now() - begin + needed > options.budgetMs) {
      return round - 1;
    }
    for (const measurement of options.measurements) {
      const start = performance.now();
      const order = shuffled(options.tools, `${options.seed} ${round} ${measurement.id}`);
      options.say(
        `round ${round} of ${options.rounds}, ${measurement.id}: ${order.map(({ tool }) => tool.id).join(', ')}`,
      );
      for (const located of order) {
        const key = `${measurement.id} ${located.tool.id}`;
        if ((failures.get(key) ?? 0) < patience) {
          const reading = await orAborted(
            options.signal,
            read(measurement, located, round, options),
          );
          if (reading.failed !== '') {
            failures.set(key, (failures.get(key) ?? 0) + 1);
          }
          onReading(reading);
        }
      }
      took.set(measurement.id, performance.now() - start);
    }
    options.betweenRounds();
  }
  return options.rounds;
}

/** Fisher–Yates. */
export function shuffled<T>(items: readonly T[], seed: string): T[] {
  const next = randomIntegers(seedFromName(seed));
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = next(last + 1);
    const [a, b] = [order[last] as T, order[other] as T];
    order[last] = b;
    order[other] = a;
  }
  return order;
}

async function read(
  measurement: Measurement,
  { tool, command }: Extract<Located, { available: true }>,
  round: number,
  options: RoundsOptions,
): Promise<Reading> {
  const identity = { measurement: measurement.id, tool: tool.id, round };
  const dir = join(options.dir, `${round}-${measurement.id}-${tool.id}`);
  const seed = String(seedFromName(`${options.seed} ${round} ${measurement.id}`));
  const wanted = { ...measurement.load, address: '', dir, seed, cpu: options.toolCpu };
  const closed = measurement.orClosedLoop && tool.args(wanted) === null;
  const load = closed ? { ...wanted, ratePerSec: 0 } : wanted;
  if (tool.args(load) === null) {
    return { ...identity, values: {}, failed: 'has no mode for it' };
  }
  await mkdir(dir, { recursive: true });
  const { service, stall, log, countConnections } = measurement.server;
  const server = {
    ...{ binary: options.binaries.truthd, cpu: options.serverCpu, protocol: 'http1' as const },
    // The same service times for all of a round.
    ...{ service, seed, ...(stall ? { stall } : {}), ...(log ? { logDir: dir } : {}) },
    ...(countConnections ? { countConnections } : {}),
  };
  const runner = { childcost: options.binaries.childcost, cpu: options.toolCpu };
  const { result, seen } = await withTruthServer(server, async (address) => {
    const job: Job = { ...load, address };
    return runTool(tool, command, tool.args(job) ?? [], job, runner).then(
      (outcome) => ({ job, ...outcome }),
      (error) => failureOf(error, options.dir),
    );
  });
  if ('failed' in result) {
    return { ...identity, values: {}, failed: result.failed };
  }
  const truth = { ...seen, log: seen.log.slice(tool.warmUpRequests?.(load) ?? 0) };
  await rm(dir, { recursive: true, force: true });
  return { ...identity, values: measurement.read({ ...result, truth }), failed: '' };
}

/** How a generator failed, for its cell. @throws what is a bug of ours */
function failureOf(error: unknown, dir: string): { failed: string } {
  if (!(error instanceof PollgateError)) {
    throw error;
  }
  return { failed: firstLine(withoutPlaces(error.message, runPlaces(dir))) };
}

function firstLine(text: string): string {
  return text.split('\n')[0]?.slice(0, 200) ?? '';
}
