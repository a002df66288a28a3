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
    const counter = options.countConnections ? countConnections(pid) : undefined;
    const result = await use(address);
    const peakConnections = counter?.() ?? 0;
    await end(child);
    const log = logPath ? parseTruthLog(await readFile(logPath, 'utf8')) : [];
    return { result, seen: { log, peakConnections } };
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

/** Looks at the server's descriptors from time to time; the call that it returns ends that. */
function countConnections(pid: number): () => number {
  let before = Number.POSITIVE_INFINITY;
  let most = 0;
  const timer = setInterval(async () => {
    const open = await readdir(`/proc/${pid}/fd`).catch(() => []);
    before = Math.min(before, open.length);
    most = Math.max(most, open.length);
  }, lookMs);
  // What is open besides connections: standard streams, epoll, listener, log.
  const own = 10;
  return () => {
    clearInterval(timer);
    return Math.max(0, most - own);
  };
}
