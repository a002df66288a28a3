import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

const Report = Type.Object({
  result: Type.Object({
    req2xx: Type.Integer(),
    others: Type.Integer(),
    req3xx: Type.Integer(),
    req4xx: Type.Integer(),
    req5xx: Type.Integer(),
    latency: Type.Object({ percentiles: Type.Record(Type.String(), Type.Integer()) }),
  }),
});

export const bombardier: Tool = {
  id: 'bombardier',
  loop: 'closed',
  source: { kind: 'go', package: 'github.com/codesenberg/bombardier', version: 'v1.2.6' },
  how: 'percentiles in whole µs; a token bucket filled every 10 ms',
  args: (job) => [
    ...['-c', String(job.connections), '-d', `${job.durationMs}ms`],
    ...['--latencies', '--print', 'r', '--format', 'json'],
    ...(job.ratePerSec > 0 ? ['--rate', String(job.ratePerSec)] : []),
    urlOf(job),
  ],
  parse: (text) => {
    const source = {
      name: 'the report of bombardier',
      remedy: 'rm -r .cache/tools installs it anew',
    };
    const { result } = parseJson(text, Report, source);
    const percentile = (name: string) => {
      const us = result.latency.percentiles[name];
      return us === undefined ? null : us * 1e3;
    };
    return {
      completed: result.req2xx,
      errors: result.others + result.req3xx + result.req4xx + result.req5xx,
      p50Ns: percentile('50'),
      p90Ns: percentile('90'),
      p99Ns: percentile('99'),
    };
  },
};
