/**
 * Runs autocannon in a process of its own and prints one JSON line with µs percentiles of its
 * `response` events; see harness/capture/closed-loop-client.ts for why its own are not used.
 * Argument: one JSON object with url, connections, durationMs and ratePerSec (0: as fast as it can).
 */
import autocannon from 'autocannon';
import * as hdr from 'hdr-histogram-js';

interface Target {
  url: string;
  connections: number;
  durationMs: number;
  ratePerSec: number;
}

const target = JSON.parse(process.argv[2] ?? '') as Target;
const histogram = hdr.build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 });
const connected = new WeakSet<object>();

const run = autocannon({
  url: target.url,
  method: 'GET',
  connections: target.connections,
  duration: target.durationMs / 1000,
  timeout: 10,
  ...(target.ratePerSec > 0
    ? { overallRate: target.ratePerSec, ignoreCoordinatedOmission: true }
    : {}),
});
run.on('response', (client: object, _status: number, _bytes: number, milliseconds: number) => {
  if (connected.has(client)) {
    histogram.recordValue(Math.round(milliseconds * 1000));
  } else {
    connected.add(client); // The first reply of a connection has waited for the connect.
  }
});
const summary = await run;

const line = {
  completed: summary['2xx'],
  errors: summary.errors + summary.non2xx,
  p50Us: histogram.getValueAtPercentile(50),
  p90Us: histogram.getValueAtPercentile(90),
  p99Us: histogram.getValueAtPercentile(99),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
