import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Child, endedEarly } from '../lib/child.ts';
import { parseJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { Loadgen } from '../run/loadgen.ts';
import { AutocannonResult, type ClosedLoop, type ClosedLoopClient } from '../run/run-record.ts';
import type { Load } from '../scenario/scenario.ts';

const graceMs = 15_000;

export interface ClosedLoopOptions {
  variant: string;
  address: string;
  load: Extract<Load, { protocol: 'http1' }>;
  connections: number;
  durationMs: number;
  /** CPU to pin the clients to, or -1. */
  cpu: number;
  /** Which client comes first. */
  first: ClosedLoopClient;
  /** Binary of the load generator. */
  loadgen: string;
  /** Folder that receives the generator's load.json and load.hlog. */
  outDir: string;
  seed: string;
}

/**
 * Drives one HTTP server in closed loop with autocannon and, as the measure of what autocannon adds,
 * with our generator: equal connections, request and duration, one right after the other.
 */
export async function captureClosedLoop(
  options: ClosedLoopOptions,
): Promise<ClosedLoop['variants'][string]> {
  const { first } = options;
  if (first === 'generator') {
    await driveGenerator(options);
  }
  const autocannon = await driveAutocannon(options);
  if (first === 'autocannon') {
    await driveGenerator(options);
  }
  return { first, autocannon };
}

/** See closed-loop-client.ts. */
async function driveAutocannon(options: ClosedLoopOptions): Promise<AutocannonResult> {
  const { address, load, connections, durationMs } = options;
  const target = {
    url: `http://${address}${load.path}`,
    method: load.method,
    headers: load.headers ?? {},
    body: load.body,
    connections,
    durationMs,
  };
  const client = [
    process.execPath,
    join(rootDir, 'harness', 'capture', 'closed-loop-client.ts'),
    JSON.stringify(target),
  ];
  const child = await Child.start({
    label: 'autocannon',
    command: options.cpu < 0 ? client : ['taskset', '-c', String(options.cpu), ...client],
    lines: true,
  });
  try {
    const line = await child.nextLine(durationMs + graceMs);
    if (line === undefined) {
      throw await endedEarly(child);
    }
    const source = { name: 'the result of autocannon', remedy: 'npm run bench -- repeats it' };
    return parseJson(line, AutocannonResult, source);
  } finally {
    await child.stop(1_000);
  }
}

/** Leaves its figures in `outDir`. */
async function driveGenerator(options: ClosedLoopOptions): Promise<void> {
  const { variant, address, load, connections, durationMs, cpu, outDir, seed } = options;
  await mkdir(outDir, { recursive: true });
  const generator = await Loadgen.start({
    ...{ binary: options.loadgen, outDir, load, seed, cpu },
    arms: [{ name: variant, address }],
    phases: [{ name: 'closed-loop', durationMs, record: true }],
    closedLoop: { connections },
  });
  try {
    await generator.run('closed-loop', () => {});
    await generator.finish();
  } finally {
    await generator.child.stop(0);
  }
}
