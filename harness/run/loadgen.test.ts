import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { binaryPath } from '../build/go-build.ts';
import { tools } from '../build/programs.ts';
import { LoadResult } from '../capture/load-result.ts';
import { readJson } from '../lib/json.ts';
import { makeScenario } from '../test/evidence.ts';
import { Loadgen, type LoadgenOptions } from './loadgen.ts';

let outDir = '';
let server: Server;
const seen: { method: string | undefined; body: string }[] = [];

beforeEach(async () => {
  outDir = await mkdtemp(join(tmpdir(), 'pollgate-loadgen-'));
  seen.length = 0;
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
  await rm(outDir, { recursive: true });
});

async function listen(answer: RequestListener): Promise<string> {
  server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      seen.push({ method: request.method, body });
      answer(request, response);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const { load } = makeScenario();

function options(address: string, changes: Partial<LoadgenOptions> = {}): LoadgenOptions {
  return {
    binary: binaryPath(tools.loadgen),
    outDir,
    load: { ...load, connectionsPerVariant: 2, ratePerSec: 100, requestTimeoutMs: 2_000 },
    arms: [{ name: 'a', address }],
    seed: '1',
    phases: [{ name: 'unobserved', durationMs: 200, record: true }],
    cpu: -1,
    ...changes,
  };
}

/** Runs all of it and returns load.json, which must be of the schema. */
async function run(given: LoadgenOptions): Promise<LoadResult> {
  const generator = await Loadgen.start(given);
  try {
    for (const { name } of given.phases) {
      await generator.run(name, () => {});
    }
    await generator.finish();
  } finally {
    await generator.child.stop(0);
  }
  return readJson(join(outDir, 'load.json'), LoadResult, { remedy: '' });
}

test('an open loop: the schedule is sent, judged, and every field read', async () => {
  const result = await run(options(await listen((_, response) => response.end('hello'))));
  expect(result).toMatchObject({ mode: 'open', arrivals: 'poisson', interleave: 'slice' });
  const [phase] = result.phases;
  const arm = phase?.arms['a'];
  expect(arm?.completed).toBe(arm?.scheduled);
  expect(phase?.paired).toEqual({ grade: null, reasons: [] });
  expect(['valid', 'suspect']).toContain(arm?.validity.absolute);
  expect(result.connect['a']?.count).toBeGreaterThanOrEqual(2);
});

test('a body goes out with every request, and arrivals are passed on', async () => {
  const address = await listen((_, response) => response.end('ok'));
  const given = options(address);
  const result = await run({
    ...given,
    load: {
      ...load,
      ...{ connectionsPerVariant: 2, ratePerSec: 100, requestTimeoutMs: 2_000 },
      ...{ method: 'POST', body: '{"id":1}', arrivals: { kind: 'constant' } },
    } as LoadgenOptions['load'],
  });
  expect(result.arrivals).toBe('constant');
  expect(result.phases[0]?.arms['a']?.scheduled).toBe(20);
  expect(new Set(seen.map(({ method, body }) => `${method} ${body}`))).toEqual(
    new Set(['POST {"id":1}']),
  );
});

/** Established connections of a server, as the kernel has them now (proc_net_tcp(5)). */
function connectionsOf(address: string): number {
  const port = Number(address.split(':')[1]).toString(16).toUpperCase().padStart(4, '0');
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n');
  return rows.filter((row) => new RegExp(`^ *\\d+: \\w+:${port} \\w+:\\w+ 01 `).test(row)).length;
}

test.for([
  ['run', false],
  ['slice', true],
] as const)(
  'interleave %s: the arms are connected together: %s',
  async ([interleave, together]) => {
    const addresses: string[] = [];
    let overlaps = 0;
    const look: RequestListener = (_, response) => {
      // Which of the two asks does not matter: never may both be connected.
      overlaps +=
        addresses.length === 2 && addresses.every((each) => connectionsOf(each) > 0) ? 1 : 0;
      response.end('hello');
    };
    addresses.push(await listen(look));
    const first = server;
    addresses.push(await listen(look));
    try {
      const [a = '', b = ''] = addresses;
      const given = options(a);
      const result = await run({
        ...given,
        load: { ...given.load, interleave },
        arms: [
          { name: 'a', address: a },
          { name: 'b', address: b },
        ],
      });
      expect(result.interleave).toBe(interleave);
      const arms = result.phases[0]?.arms ?? {};
      expect(Object.keys(arms)).toEqual(['a', 'b']);
      expect(Object.values(arms).every(({ completed }) => completed > 0)).toBe(true);
      expect(overlaps > 0).toBe(together);
    } finally {
      first.closeAllConnections();
      await new Promise((resolve) => first.close(resolve));
    }
  },
);

test('a closed loop has no schedule', async () => {
  const address = await listen((_, response) => response.end('hello'));
  const result = await run(options(address, { closedLoop: { connections: 3 } }));
  expect([result.mode, result.arrivals]).toEqual(['closed', undefined]);
  expect(result.connect['a']?.count).toBe(3);
  expect(result.phases[0]?.arms['a']?.completed).toBeGreaterThan(0);
});

test('a server that answers another status: whose it is, what it said, what to do', async () => {
  const address = await listen((_, response) => {
    response.statusCode = 503;
    response.end('busy');
  });
  await expect(Loadgen.start(options(address))).rejects.toMatchObject({
    name: 'PollgateError',
    exitCode: 3,
    message: expect.stringMatching(
      /^A server does not serve the load of the scenario\.\n.*arm "a" \(127.*another status than expected.*503 Service/s,
    ),
    remedy: expect.stringContaining('expectStatus'),
  });
});

test('a closed port: the address and the kernel’s word', async () => {
  const address = await listen(() => {});
  await new Promise((resolve) => server.close(resolve));
  await expect(Loadgen.start(options(address))).rejects.toMatchObject({
    exitCode: 3,
    message: expect.stringMatching(new RegExp(`${address}.*connection refused`, 's')),
  });
});

test('what the generator refuses is the scenario’s: the setting, seen and allowed', async () => {
  const address = await listen((_, response) => response.end('hello'));
  const given = options(address);
  const refused = { ...given, load: { ...given.load, connectionsPerVariant: 70_000 } };
  await expect(Loadgen.start(refused)).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('$.connectionsPerArm: saw 70000, allowed: integer 1 … 65536'),
  });
});
