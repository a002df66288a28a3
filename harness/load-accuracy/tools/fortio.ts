import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

const Report = Type.Object({
  RetCodes: Type.Record(Type.String(), Type.Integer()),
  DurationHistogram: Type.Object({
    Percentiles: Type.Array(Type.Object({ Percentile: Type.Number(), Value: Type.Number() })),
  }),
});

export const fortio: Tool = {
  id: 'fortio',
  loop: 'closed',
  // Later ones depend on a language for scripts that load has no use for.
  source: { kind: 'go', package: 'fortio.org/fortio', version: 'v1.66.5' },
  how: 'histogram steps from 10 µs on, growing (`-r`; default 1 ms), sends spread over the connections (`-uniform`); its warm-up calls, one per connection, are left out of the oracle',
  args: (job) => [
    ...['load', '-quiet', '-c', String(job.connections), '-qps', String(job.ratePerSec)],
    ...['-t', `${job.durationMs}ms`, '-r', '0.00001', '-p', '50,90,99', '-uniform'],
    ...['-json', `${job.dir}/report.json`, urlOf(job)],
  ],
  reportFile: 'report.json',
  warmUpRequests: (job) => job.connections,
  parse: (text) => {
    const source = { name: 'the report of fortio', remedy: 'rm -r .cache/tools installs it anew' };
    const report = parseJson(text, Report, source);
    const percentile = (wanted: number) => {
      const { Percentiles } = report.DurationHistogram;
      const found = Percentiles.find(({ Percentile }) => Percentile === wanted);
      return found === undefined ? null : Math.round(found.Value * 1e9);
    };
    const counts = Object.entries(report.RetCodes);
    const sum = (good: boolean) =>
      counts
        .filter(([code]) => code.startsWith('2') === good)
        .reduce((total, [, count]) => total + count, 0);
    return {
      completed: sum(true),
      errors: sum(false),
      p50Ns: percentile(50),
      p90Ns: percentile(90),
      p99Ns: percentile(99),
    };
  },
};
