import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

const script = `import http from 'k6/http';

const job = JSON.parse(__ENV.JOB);
const common = { duration: job.durationMs + 'ms', gracefulStop: '2s' };
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ['p(50)', 'p(90)', 'p(99)', 'count'],
  scenarios: {
    load: job.ratePerSec > 0
      ? { executor: 'constant-arrival-rate', rate: job.ratePerSec, timeUnit: '1s',
          preAllocatedVUs: job.connections, maxVUs: Math.max(2000, job.connections), ...common }
      : { executor: 'constant-vus', vus: job.connections, ...common },
  },
};
export default function () {
  http.get(job.url);
}
export function handleSummary(data) {
  return { stdout: JSON.stringify(data.metrics) };
}
`;

const Metrics = Type.Object({
  http_req_duration: Type.Object({
    values: Type.Object({
      'p(50)': Type.Number(),
      'p(90)': Type.Number(),
      'p(99)': Type.Number(),
      count: Type.Integer(),
    }),
  }),
  // «passes» counts what the metric is about: requests that have failed.
  http_req_failed: Type.Object({ values: Type.Object({ passes: Type.Integer() }) }),
});

export const k6: Tool = {
  id: 'k6',
  loop: 'open',
  source: { kind: 'go', package: 'go.k6.io/k6', version: 'v1.8.1' },
  how: 'executors `constant-arrival-rate` and `constant-vus`, one virtual user per connection, and at a rate up to 2,000 where replies keep it waiting; `http_req_duration`',
  files: () => ({ 'job.js': script }),
  env: { K6_NO_USAGE_REPORT: 'true' },
  args: (job) => {
    const { connections, durationMs, ratePerSec } = job;
    const told = JSON.stringify({ url: urlOf(job), connections, durationMs, ratePerSec });
    return ['run', '--quiet', '--address', '', '-e', `JOB=${told}`, `${job.dir}/job.js`];
  },
  parse: (text) => {
    const source = { name: 'the summary of k6', remedy: 'rm -r .cache/tools installs it anew' };
    const metrics = parseJson(text, Metrics, source);
    const { values } = metrics.http_req_duration;
    const errors = metrics.http_req_failed.values.passes;
    const ns = (ms: number) => Math.round(ms * 1e6);
    return {
      completed: values.count - errors,
      errors,
      p50Ns: ns(values['p(50)']),
      p90Ns: ns(values['p(90)']),
      p99Ns: ns(values['p(99)']),
    };
  },
};
