import { FixtureCounters, type Snapshot } from '../capture/counters.ts';
import { readProc } from '../capture/proc.ts';
import { infrastructureError, messageOf } from '../lib/errors.ts';
import { parseJson } from '../lib/json.ts';
import type { Server } from './server.ts';

const timeoutMs = 5_000;

/** Reads all servers at the edge of a window; the servers are idle then. */
export async function takeSnapshots(servers: readonly Server[]): Promise<Record<string, Snapshot>> {
  const pairs = await Promise.all(
    servers.map(async (server) => {
      const fixture = await readCounters(server);
      return [server.variant, { proc: await readProc(server.record.pid), fixture }] as const;
    }),
  );
  return Object.fromEntries(pairs);
}

/** Pairs the readings of both edges by variant. */
export function edges<T>(
  begin: Record<string, T>,
  end: Record<string, T>,
): Record<string, { begin: T; end: T }> {
  return Object.fromEntries(
    Object.entries(begin).flatMap(([variant, first]) => {
      const last = end[variant];
      return last === undefined ? [] : [[variant, { begin: first, end: last }]];
    }),
  );
}

async function readCounters(server: Server): Promise<FixtureCounters | null> {
  const url = server.countersUrl;
  if (url === undefined) {
    return null;
  }
  let text: string;
  try {
    const response = await fetch(url, {
      headers: { connection: 'close' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await response.text();
  } catch (cause) {
    const what = `The counters of ${server.child.label} could not be read: ${messageOf(cause)}`;
    throw infrastructureError(what, `curl -sS ${url}`, cause);
  }
  return parseJson(text, FixtureCounters, {
    name: `counters of ${server.child.label}`,
    remedy: 'see go-fixtures/README.md',
  });
}
