import { join } from 'node:path';
import { Child, endedEarly } from '../lib/child.ts';
import { parseJson } from '../lib/json.ts';
import { rootDir } from '../lib/paths.ts';
import { ClosedLoopResult } from '../run/run-record.ts';
import type { Load } from '../scenario/scenario.ts';

const graceMs = 15_000;

/** Drives one HTTP server with autocannon in closed loop; see closed-loop-client.ts. */
export async function captureClosedLoop(options: {
  address: string;
  load: Extract<Load, { protocol: 'http1' }>;
  connections: number;
  durationMs: number;
  /** CPU to pin the client to, or -1. */
  cpu: number;
}): Promise<ClosedLoopResult> {
  const target = {
    url: `http://${options.address}${options.load.path}`,
    method: options.load.method,
    headers: options.load.headers ?? {},
    connections: options.connections,
    durationMs: options.durationMs,
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
    const line = await child.nextLine(options.durationMs + graceMs);
    if (line === undefined) {
      throw await endedEarly(child);
    }
    const source = { name: 'the result of autocannon', remedy: 'npm run bench -- repeats it' };
    return parseJson(line, ClosedLoopResult, source);
  } finally {
    await child.stop(1_000);
  }
}
