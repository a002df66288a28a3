import { setTimeout as delay } from 'node:timers/promises';
import { type Child, untilOneEnds } from '../lib/child.ts';
import { orAborted } from '../lib/interrupt.ts';
import type { Loadgen } from './loadgen.ts';
import { type Server, stopServer } from './server.ts';

/** How long an abandoned round may take to clean up. */
const cleanUpMs = 2_000;

export interface LiveRound<T> {
  /** Ends the round, and its processes with it. */
  signal: AbortSignal;
  /** What starts the servers, one after the other. */
  starts: readonly (() => Promise<Server>)[];
  connect: (servers: readonly Server[]) => Promise<Loadgen>;
  measure: (servers: readonly Server[], generator: Loadgen) => Promise<T>;
}

/**
 * Starts servers, measures them with the generator, and stops all. Whatever happens, no process is
 * left; a server that dies meanwhile ends the round with its last words.
 */
export async function amongServers<T>(
  round: LiveRound<T>,
): Promise<{ servers: readonly Server[]; measured: T }> {
  const servers: Server[] = [];
  let generator: Loadgen | undefined;
  let work: Promise<unknown> = Promise.resolve();
  try {
    for (const start of round.starts) {
      servers.push(await start());
    }
    const live = async () => {
      generator = await round.connect(servers);
      const measured = await round.measure(servers, generator);
      await generator.finish();
      return measured;
    };
    const children = servers.map((server) => server.child);
    const result = live().catch((error: unknown) => blameTheDead(children, error));
    work = result;
    const measured = await orAborted(round.signal, Promise.race([result, untilOneEnds(children)]));
    for (const server of servers) {
      await stopServer(server);
    }
    return { servers, measured };
  } finally {
    await Promise.all(
      [...servers.map((server) => server.child), generator?.child].map((child) => child?.stop(0)),
    );
    // Without servers it fails at once; its own clean-up (probes, raw traces) is worth a moment.
    await Promise.race([Promise.allSettled([work]), delay(cleanUpMs)]);
  }
}

/** How long a server's end may take to be noticed after it broke something else. */
const deathNoticeMs = 500;

/** A server that died explains whatever failed after it better than the failure itself. */
async function blameTheDead(children: readonly Child[], error: unknown): Promise<never> {
  const { promise: nobodyDied, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, deathNoticeMs);
  try {
    await Promise.race([untilOneEnds(children), nobodyDied]);
  } finally {
    clearTimeout(timer);
  }
  throw error;
}
