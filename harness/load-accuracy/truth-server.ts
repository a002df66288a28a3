import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { Child, describeExit, endedEarly } from '../lib/child.ts';
import { infrastructureError } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import { parseTruthLog, type TruthEntry } from './truth-log.ts';

const Ready = Type.Object({ address: Type.String(), pid: Type.Integer() });

const startMs = 10_000;
const stopMs = 10_000;
const lookMs = 200;

export interface TruthServerOptions {
  binary: string;
  cpu: number;
  protocol: 'http1' | 'truth';
  /** As --service takes it; of http1 only. */
  service?: string;
  seed?: string;
  /** As --stall takes it. */
  stall?: string;
  /** Folder for its log; without it, none is written. */
  logDir?: string;
  /** Whether the open connections are counted meanwhile. */
  countConnections?: boolean;
}

/** What a truth server saw between its start and its end. */
export interface TruthSeen {
  log: TruthEntry[];
  /** The most connections that were open at a time; 0 where they were not counted. */
  peakConnections: number;
}

/** Starts truthd, gives its address to `use`, and stops it. */
export async function withTruthServer<T>(
  options: TruthServerOptions,
  use: (address: string) => Promise<T>,
): Promise<{ result: T; seen: TruthSeen }> {
  const logPath = options.logDir && join(options.logDir, 'truth.csv');
  const child = await Child.start({
    label: 'truth server',
    command: [options.binary, ...flags(options, logPath)],
    lines: true,
  });
  try {
    const line = await child.nextLine(startMs);
    if (line === undefined) {
      throw await endedEarly(child);
    }
    const source = {
      name: 'the ready line of truthd',
      remedy: 'npm run bench:load builds it anew',
    };
    const { address, pid } = parseJson(line, Ready, source);
    const counted = options.countConnections
      ? await countConnections(pid, () => use(address))
      : { result: await use(address), peakConnections: 0 };
    await end(child);
    const log = logPath ? parseTruthLog(await readFile(logPath, 'utf8')) : [];
    return { result: counted.result, seen: { log, peakConnections: counted.peakConnections } };
  } finally {
    await child.stop(0);
  }
}

function flags(options: TruthServerOptions, logPath: string | undefined): string[] {
  const { cpu, protocol, service, seed, stall } = options;
  return [
    ...['--protocol', protocol, '--cpu', String(cpu)],
    ...(service ? ['--service', service] : []),
    ...(seed ? ['--seed', seed] : []),
    ...(stall ? ['--stall', stall] : []),
    ...(logPath ? ['--log', logPath] : []),
  ];
}

/** Its log is complete only where it ended by itself. */
async function end(child: Child): Promise<void> {
  const exit = await child.stop(stopMs);
  if (exit.code !== 0) {
    await child.drained();
    const how = `${describeExit(exit)}.${child.stderrTail()}`;
    throw infrastructureError(`The truth server ended with ${how}`, 'its last words stand above');
  }
}

/** Looks at the server's descriptors from time to time, until `work` has ended. */
async function countConnections<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ result: T; peakConnections: number }> {
  const descriptors = async () => (await readdir(`/proc/${pid}/fd`).catch(() => [])).length;
  // Standard streams, epoll, listener, log: what is open already is no connection.
  const before = await descriptors();
  let most = before;
  const timer = setInterval(async () => {
    most = Math.max(most, await descriptors());
  }, lookMs);
  try {
    const result = await work();
    return { result, peakConnections: most - before };
  } finally {
    clearInterval(timer);
  }
}
