import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

const Report = Type.Object({
  '2xx': Type.Integer(),
  errors: Type.Integer(),
  non2xx: Type.Integer(),
  latency: Type.Object({ p50: Type.Number(), p90: Type.Number(), p99: Type.Number() }),
});

/** As it comes: what its users read. */
export const autocannon: Tool = {
  id: 'autocannon',
  loop: 'closed',
  source: { kind: 'npm', package: 'autocannon', script: 'node_modules/autocannon/autocannon.js' },
  how: 'as it comes: reports whole ms, cut off; with a rate it «corrects» for omission',
  args: (job) => [
    ...['--json', '--no-progress', '--connections', String(job.connections)],
    ...['--duration', String(job.durationMs / 1000)],
    ...(job.ratePerSec > 0 ? ['--overallRate', String(job.ratePerSec)] : []),
    urlOf(job),
  ],
  parse: (text) => {
    const source = { name: 'the report of autocannon', remedy: 'npm ci' };
    const report = parseJson(text, Report, source);
    const { p50, p90, p99 } = report.latency;
    return {
      completed: report['2xx'],
      errors: report.errors + report.non2xx,
      p50Ns: p50 * 1e6,
      p90Ns: p90 * 1e6,
      p99Ns: p99 * 1e6,
    };
  },
};

const Events = Type.Object({
  completed: Type.Integer(),
  errors: Type.Integer(),
  p50Us: Type.Integer(),
  p90Us: Type.Integer(),
  p99Us: Type.Integer(),
});

/** The way in which the harness uses it (harness/capture/closed-loop-client.ts). */
export const autocannonEvents: Tool = {
  id: 'autocannon-us',
  title: 'autocannon, µs',
  loop: 'closed',
  source: {
    kind: 'npm',
    package: 'autocannon',
    script: 'harness/load-accuracy/autocannon-client.ts',
  },
  how: 'its `response` events in a µs histogram, the first of each connection left out, no «correction»',
  args: (job) => [
    JSON.stringify({
      url: urlOf(job),
      connections: job.connections,
      durationMs: job.durationMs,
      ratePerSec: job.ratePerSec,
    }),
  ],
  parse: (text) => {
    const source = { name: 'the line of autocannon-client.ts', remedy: 'npm ci' };
    const { completed, errors, p50Us, p90Us, p99Us } = parseJson(text, Events, source);
    return { completed, errors, p50Ns: p50Us * 1e3, p90Ns: p90Us * 1e3, p99Ns: p99Us * 1e3 };
  },
};
