import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { dataFilePath, makeDataFile } from '../build/data-file.ts';
import { binaryPath, buildPrograms, fixturesModule } from '../build/go-build.ts';
import { findGo } from '../build/go-toolchain.ts';
import { tools } from '../build/programs.ts';
import { Diagnosis } from '../diagnose/diagnosis.ts';
import { findNetprobeAccess, isPrivileged } from '../host/netprobe-access.ts';
import { readJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import type { Cause } from '../scenario/cause.ts';

const program = (name: string) =>
  ({ name, moduleDir: fixturesModule, package: `./cmd/${name}`, netpoller: 'epoll' }) as const;
const ring = program('block-4k-ring');
const pages = 256;

/** What only a server over a completion ring can forget; nothing of it shows in /proc/PID/fd. */
const leaks: Record<string, { words: string[]; cause: Cause }> = {
  'pinned-socket': { words: ['--leak-every=3'], cause: 'pinned-sockets' },
  buffers: { words: ['--buffers=64', '--leak-every=2'], cause: 'unreturned-buffers' },
  cq: { words: ['--leak-every=10'], cause: 'unread-completions' },
};

test('what a ring server leaks is named, and nothing of a correct one', async (context) => {
  await buildPrograms(await findGo(), [ring, program('block-4k'), tools.netprobe], () => {});
  await makeDataFile(pages);
  const access = await findNetprobeAccess(binaryPath(tools.netprobe), new AbortController().signal);
  context.skip(
    access === undefined || !isPrivileged(access.capabilities),
    'netprobe may not attach here (npm run doctor)',
  );
  // At once: counts are judged, and no times.
  const [correct, ...leaky] = await Promise.all([
    diagnose([]),
    ...Object.entries(leaks).map(([leak, { words }]) => diagnose([`--leak=${leak}`, ...words])),
  ]);
  context.skip(correct === 'refused', 'the kernel refuses io_uring here (npm run doctor)');

  expect(leaky.map(confirmed)).toEqual(Object.values(leaks).map(({ cause }) => [cause]));
  expect(confirmed(correct)).toEqual([]);
});

function confirmed(diagnosis: Diagnosis | 'refused'): string[] {
  const ringCauses: readonly string[] = Object.values(leaks).map(({ cause }) => cause);
  return diagnosis === 'refused'
    ? []
    : diagnosis.findings
        .filter(({ cause, state }) => state === 'confirmed' && ringCauses.includes(cause))
        .map(({ cause }) => cause);
}

/** Five seconds of a server with some clients that stay and others that come and go. */
async function diagnose(words: readonly string[]): Promise<Diagnosis | 'refused'> {
  const dir = await mkdtemp(join(tmpdir(), 'pollgate-rings-'));
  const server = execa(
    binaryPath(ring),
    [`--data=${dataFilePath(pages)}`, '--threads=1', ...words],
    { reject: false, buffer: false },
  );
  try {
    const ready = await firstLine(server.stdout);
    if (ready === undefined) {
      const { exitCode } = await server;
      // The fixtures' contract: 71 is a kernel that refuses io_uring.
      expect(exitCode).toBe(71);
      return 'refused';
    }
    const { pid, address } = JSON.parse(ready) as { pid: number; address: string };
    const out = join(dir, 'out');
    const running = execa(process.execPath, [
      ...[join(rootDir, 'harness', 'cli.ts'), 'diag', `--pid=${pid}`, '--seconds=5'],
      ...['--max-cpu-rise=0', '--pprof=none', `--out=${out}`],
    ]);
    // All buffers may be gone in a moment, which has to lie in the window.
    await beginOfWindow(join(out, '.work', 'kernel.events'), running);
    const clients = startClients(address);
    await running;
    await clients.stop();
    return await readJson(join(out, 'report.json'), Diagnosis, { remedy: '' });
  } finally {
    server.kill('SIGTERM');
    await server;
    await rm(dir, { recursive: true });
  }
}

/** Four connections that ask again and again, and four that are new for each request. */
function startClients(address: string) {
  const [host = '', port = ''] = address.split(':');
  const stopped = new AbortController();
  const open = new Set<Socket>();
  const dial = async () => {
    const socket = connect(Number(port), host);
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    await once(socket, 'connect', { signal: stopped.signal });
    return socket;
  };
  const client = async (stays: boolean) => {
    let socket = await dial();
    while (!stopped.signal.aborted) {
      await ask(socket, stopped.signal);
      if (!stays) {
        socket.end();
        socket = await dial();
      }
    }
  };
  const ends = Array.from({ length: 8 }, (_, at) =>
    // It ends by being stopped, in whatever it waits for.
    client(at < 4).catch((error: unknown) => {
      if (!stopped.signal.aborted) {
        throw error;
      }
    }),
  );
  return {
    stop: async () => {
      stopped.abort();
      for (const socket of open) {
        socket.destroy();
      }
      await Promise.all(ends);
    },
  };
}

/** Sends the number of a page and reads the page. */
async function ask(socket: Socket, signal: AbortSignal): Promise<void> {
  const request = Buffer.alloc(8);
  request.writeBigUInt64BE(BigInt(Math.floor(Math.random() * pages)));
  socket.write(request);
  for (let received = 0; received < 4096; ) {
    const [chunk] = (await once(socket, 'data', { signal })) as [Buffer];
    received += chunk.length;
  }
}

/** Waits until the probes look, or the diagnosis has ended without. */
async function beginOfWindow(events: string, diagnosis: Promise<unknown>): Promise<void> {
  let ended = false;
  diagnosis.then(
    () => (ended = true),
    () => (ended = true),
  );
  while (!ended && !(await readFile(events, 'utf8').catch(() => '')).includes('"begun"')) {
    await delay(20);
  }
}

async function firstLine(stream: Readable): Promise<string | undefined> {
  let text = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('\n')) {
      return text.slice(0, text.indexOf('\n'));
    }
  }
  return undefined;
}
