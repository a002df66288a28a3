/**
 * Runs autocannon in a process of its own, so that its event loop is only its own, and prints one
 * AutocannonResult as JSON. Arguments: one JSON object with url, method, headers, body (or none),
 * connections and durationMs.
 *
 * autocannon's own `latency` is not used: it is whole milliseconds, cut off, so a fast server
 * reports p50 = 0. Its `response` event carries the time as a float; ours goes into a µs
 * histogram. No rate is set, so its correction for coordinated omission (which assumes 1 ms) is off.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import autocannon from 'autocannon';
import * as hdr from 'hdr-histogram-js';
import type { AutocannonResult } from '../run/run-record.ts';

interface Target {
  url: string;
  method: string;
  headers: Record<string, string>;
  body?: string;
  connections: number;
  durationMs: number;
}

const target = JSON.parse(process.argv[2] ?? '') as Target;
const histogram = hdr.build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
const loopDelay = monitorEventLoopDelay({ resolution: 1 });
const connected = new WeakSet<object>();
let dropped = 0;
let completed = 0;

loopDelay.enable();
const cpuBefore = process.cpuUsage();
const begin = process.hrtime.bigint();
const run = autocannon({
  url: target.url,
  method: target.method,
  headers: target.headers,
  ...(target.body === undefined ? {} : { body: target.body }),
  connections: target.connections,
  duration: target.durationMs / 1000,
  timeout: 5,
});
run.on('response', (client: object, _status: number, _bytes: number, milliseconds: number) => {
  completed += 1;
  if (connected.has(client)) {
    histogram.recordValue(Math.round(milliseconds * 1000));
  } else {
    connected.add(client); // The first reply of a connection has waited for the connect.
    dropped += 1;
  }
});
const summary = await run;
const durationNs = Number(process.hrtime.bigint() - begin);
const cpu = process.cpuUsage(cpuBefore);

const result: AutocannonResult = {
  completed,
  errors: summary.errors,
  non2xx: summary.non2xx,
  timeouts: summary.timeouts,
  dropped,
  durationNs,
  requestsPerSec: (completed * 1e9) / durationNs,
  latencyHistogramUs: hdr.encodeIntoCompressedBase64(histogram),
  eventLoopDelayP99Ns: Math.round(loopDelay.percentile(99)),
  clientCpuRatio: ((cpu.user + cpu.system) * 1000) / durationNs,
};
process.stdout.write(`${JSON.stringify(result)}\n`);
