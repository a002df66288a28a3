import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Type, { type Static } from 'typebox';
import type { FixtureBuild } from '../build/fixture-build.ts';
import { hashFile } from '../build/hash.ts';
import { Child, describeExit, endedEarly, untilOneEnds } from '../lib/child.ts';
import { infrastructureError, messageOf } from '../lib/errors.ts';
import { orAborted } from '../lib/interrupt.ts';
import { parseJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import type { FixtureVariant, PackageVariant } from '../scenario/scenario.ts';
import type { ServerRecord } from './run-record.ts';

/** The fixture contract's ready line (go-fixtures/README.md). */
const ReadyLine = Type.Object({
  contract: Type.Literal(1),
  fixture: Type.String(),
  nonce: Type.String(),
  pid: Type.Integer({ minimum: 1 }),
  address: Type.String({ pattern: '^(127\\.|\\[::1\\])' }),
  pprofUrl: Type.String({ pattern: '^http://(127\\.|\\[::1\\])' }),
  countersUrl: Type.String({ pattern: '^http://(127\\.|\\[::1\\])' }),
  buildId: Type.String(),
  goVersion: Type.String(),
  goMaxProcs: Type.Integer({ minimum: 1 }),
  netpoller: Type.Enum(['epoll', 'io_uring']),
});

const readyTimeoutMs = 10_000;
const drainGraceMs = 5_000;

/** A running server of a round. */
export interface Server {
  variant: string;
  child: Child;
  record: ServerRecord;
  /** Ends with a slash; undefined where the server has no pprof endpoint. */
  pprofUrl: string | undefined;
  /** Undefined for a user's own server. */
  countersUrl: string | undefined;
}

export interface StartOptions {
  variant: string;
  build: FixtureBuild;
  /** CPU list for taskset. */
  cpus: string;
  /** Arguments that the harness adds for a fixture: the data file of block-4k. */
  dataArgs: readonly string[];
  /** Ends the start, and the process with it. */
  signal: AbortSignal;
}

/**
 * Starts one of our fixtures and proves that it is the one that was built: its nonce is ours, its
 * pid is the child's, and /proc/PID/exe has the hash of the build. A stale server cannot pass.
 */
export async function startFixture(spec: FixtureVariant, options: StartOptions): Promise<Server> {
  const nonce = randomUUID();
  const label = `server ${options.variant}`;
  const child = await Child.start({
    label,
    lines: true,
    command: [
      ...pinned(options),
      '--listen=127.0.0.1:0',
      '--pprof=127.0.0.1:0',
      `--nonce=${nonce}`,
      ...options.dataArgs,
      ...(spec.args ?? []),
    ],
    env: serverEnvironment(spec.env),
  });
  try {
    const line = await orAborted(options.signal, child.nextLine(readyTimeoutMs));
    if (line === undefined) {
      throw await endedEarly(child);
    }
    const remedy = 'see go-fixtures/README.md for the fixture contract';
    const ready = parseJson(line, ReadyLine, { name: `ready line of ${label}`, remedy });
    const record = await proveIdentity(child, ready, { nonce, ...options });
    if (ready.netpoller !== spec.netpoller) {
      throw infrastructureError(
        `${label} runs on ${ready.netpoller}, the scenario asks for ${spec.netpoller}.`,
        'npm run doctor',
      );
    }
    return {
      variant: options.variant,
      child,
      record,
      pprofUrl: ready.pprofUrl,
      countersUrl: ready.countersUrl,
    };
  } catch (error) {
    await child.stop(0);
    throw error;
  }
}

/** Starts a user's own server on a port that was free a moment ago, and waits until it answers. */
export async function startPackage(spec: PackageVariant, options: StartOptions): Promise<Server> {
  const port = await freePort();
  const withPort = (text: string) => text.replaceAll('{port}', String(port));
  const label = `server ${options.variant}`;
  const env = Object.fromEntries(
    Object.entries(spec.env ?? {}).map(([name, value]) => [name, withPort(value)]),
  );
  const child = await Child.start({
    label,
    lines: false,
    command: [...pinned(options), ...(spec.args ?? []).map(withPort)],
    env: serverEnvironment(env),
  });
  try {
    // Stopping the child, below, ends the waiting as well.
    await orAborted(options.signal, waitUntilReady(child, port, spec.ready));
    const address = `127.0.0.1:${port}`;
    const sha256 = await executableHash(child, options.build);
    return {
      variant: options.variant,
      child,
      record: {
        pid: child.pid,
        address,
        sha256,
        netpoller: 'unknown',
        goMaxProcs: 0,
        cpus: options.cpus,
      },
      pprofUrl: spec.pprofPath && `http://${address}${spec.pprofPath}`,
      countersUrl: undefined,
    };
  } catch (error) {
    await child.stop(0);
    throw error;
  }
}

/**
 * Asks a server to drain and waits for it.
 * @throws PollgateError (infrastructure) when a fixture that was drained did not exit with 0
 */
export async function stopServer(server: Server): Promise<void> {
  const exit = await server.child.stop(drainGraceMs);
  const own = server.countersUrl !== undefined;
  if (own && exit.code !== 0) {
    await server.child.drained();
    throw infrastructureError(
      `${server.child.label} did not drain: ${describeExit(exit)}.${server.child.stderrTail()}`,
      'the fixture contract asks for exit code 0 within 2 s of SIGTERM: see go-fixtures/README.md',
    );
  }
}

async function proveIdentity(
  child: Child,
  ready: Static<typeof ReadyLine>,
  expected: { nonce: string; build: FixtureBuild; cpus: string },
): Promise<ServerRecord> {
  if (ready.nonce !== expected.nonce || ready.pid !== child.pid) {
    throw infrastructureError(
      `${child.label} is not the process that was started: nonce ${ready.nonce}, pid ${ready.pid}; expected ${expected.nonce}, ${child.pid}.`,
      'stop other copies of the fixture and run again',
    );
  }
  return {
    pid: child.pid,
    address: ready.address,
    sha256: await executableHash(child, expected.build),
    netpoller: ready.netpoller,
    goMaxProcs: ready.goMaxProcs,
    cpus: expected.cpus,
  };
}

async function executableHash(child: Child, build: FixtureBuild): Promise<string> {
  const sha256 = await hashFile(`/proc/${child.pid}/exe`);
  if (sha256 !== build.sha256) {
    throw infrastructureError(
      `${child.label} runs a binary with sha256 ${sha256.slice(0, 12)}…, built was ${build.sha256.slice(0, 12)}….`,
      'npm run bench builds it again; do not change .cache/bin while a run is under way',
    );
  }
  return sha256;
}

async function waitUntilReady(
  child: Child,
  port: number,
  ready: PackageVariant['ready'],
): Promise<void> {
  const deadline = performance.now() + ready.timeoutMs;
  let last = 'no answer';
  const alive = untilOneEnds([child]);
  alive.catch(() => {});
  while (performance.now() < deadline) {
    try {
      await Promise.race([ready.httpPath ? answers(port, ready.httpPath) : accepts(port), alive]);
      return;
    } catch (error) {
      last = messageOf(error);
      if (child.hasExited) {
        throw error;
      }
    }
    await delay(20);
  }
  throw infrastructureError(
    `${child.label} was not ready on 127.0.0.1:${port}${ready.httpPath ?? ''} after ${ready.timeoutMs} ms (${last}).${child.stderrTail()}`,
    'give it {port} in "args" or "env", or raise "ready.timeoutMs" in the scenario',
  );
}

async function accepts(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}

async function answers(port: number, path: string): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(1000),
  });
  await response.arrayBuffer();
  if (!response.ok) {
    throw new Error(`GET ${path} answered ${response.status}`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') {
    throw new Error('a TCP listener has a port');
  }
  return address.port;
}

function pinned(options: StartOptions): string[] {
  return ['taskset', '-c', options.cpus, join(rootDir, options.build.path)];
}

/** A server gets what the scenario gives it and little else: GOMAXPROCS or GODEBUG of the shell would change what is measured. */
function serverEnvironment(env: Record<string, string> | undefined): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', ...env };
}
