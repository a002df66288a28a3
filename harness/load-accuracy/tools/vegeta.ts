import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

const Report = Type.Object({
  requests: Type.Integer(),
  status_codes: Type.Record(Type.String(), Type.Integer()),
  latencies: Type.Object({
    '50th': Type.Integer(),
    '90th': Type.Integer(),
    '99th': Type.Integer(),
  }),
});

export const vegeta: Tool = {
  id: 'vegeta',
  loop: 'open',
  source: { kind: 'go', package: 'github.com/tsenart/vegeta/v12', version: 'v12.13.0' },
  how: 'one goroutine per request that is due, connections as it needs them; closed loop: rate 0 with as many workers as connections; its separate `report` is not counted as cost',
  files: (job) => ({ targets: `GET ${urlOf(job)}\n` }),
  args: (job) => {
    const connections = String(job.connections);
    return [
      ...['attack', '-targets', `${job.dir}/targets`, '-output', `${job.dir}/results.bin`],
      ...['-duration', `${job.durationMs}ms`, '-connections', connections],
      ...(job.ratePerSec > 0
        ? ['-rate', `${job.ratePerSec}/1s`, '-workers', connections]
        : ['-rate', '0', '-workers', connections, '-max-workers', connections]),
    ];
  },
  summarize: (job) => ['report', '-type', 'json', `${job.dir}/results.bin`],
  parse: (text) => {
    const source = { name: 'the report of vegeta', remedy: 'rm -r .cache/tools installs it anew' };
    const { requests, latencies, ...rest } = parseJson(text, Report, source);
    const good = Object.entries(rest.status_codes)
      .filter(([code]) => code.startsWith('2'))
      .reduce((sum, [, count]) => sum + count, 0);
    return {
      completed: good,
      errors: requests - good,
      p50Ns: latencies['50th'],
      p90Ns: latencies['90th'],
      p99Ns: latencies['99th'],
    };
  },
};
