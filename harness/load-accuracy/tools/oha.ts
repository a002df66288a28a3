import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

const Seconds = Type.Union([Type.Number(), Type.Null()]);
const Counts = Type.Record(Type.String(), Type.Integer());
const Report = Type.Object({
  latencyPercentiles: Type.Object({ p50: Seconds, p90: Seconds, p99: Seconds }),
  statusCodeDistribution: Counts,
  errorDistribution: Counts,
});

/** What it says of requests that were under way when the time was over: no fault of anybody. */
const cutOff = 'aborted due to deadline';

export const oha: Tool = {
  id: 'oha',
  loop: 'closed',
  source: { kind: 'cargo', crate: 'oha', version: '1.16.0' },
  how: '`--latency-correction` with a rate: counts from when a request was due',
  args: (job) => [
    ...['--no-tui', '--output-format', 'json', '--output', `${job.dir}/report.json`],
    ...['-z', `${job.durationMs}ms`, '-c', String(job.connections)],
    ...(job.ratePerSec > 0 ? ['-q', String(job.ratePerSec), '--latency-correction'] : []),
    urlOf(job),
  ],
  reportFile: 'report.json',
  parse: (text) => {
    const source = { name: 'the report of oha', remedy: 'rm -r .cache/tools installs it anew' };
    const report = parseJson(text, Report, source);
    const { p50, p90, p99 } = report.latencyPercentiles;
    const ns = (seconds: number | null) => (seconds === null ? null : Math.round(seconds * 1e9));
    const sum = (counts: Record<string, number>, kept: (name: string) => boolean) =>
      Object.entries(counts)
        .filter(([name]) => kept(name))
        .reduce((total, [, count]) => total + count, 0);
    const isGood = (code: string) => code.startsWith('2');
    return {
      completed: sum(report.statusCodeDistribution, isGood),
      errors:
        sum(report.statusCodeDistribution, (code) => !isGood(code)) +
        sum(report.errorDistribution, (name) => name !== cutOff),
      p50Ns: ns(p50),
      p90Ns: ns(p90),
      p99Ns: ns(p99),
    };
  },
};
