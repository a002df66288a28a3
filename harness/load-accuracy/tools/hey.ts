import { infrastructureError } from '../../lib/errors.ts';
import { type Tool, urlOf } from '../tool.ts';

export const hey: Tool = {
  id: 'hey',
  loop: 'closed',
  source: { kind: 'go', package: 'github.com/rakyll/hey', version: 'v0.1.5' },
  how: '`-q` is the rate of each connection; reports steps of 100 µs',
  args: (job) => [
    ...['-z', `${job.durationMs}ms`, '-c', String(job.connections)],
    ...(job.ratePerSec > 0 ? ['-q', String(job.ratePerSec / job.connections)] : []),
    urlOf(job),
  ],
  parse: (text) => {
    const percentile = (share: number) => {
      const seconds = new RegExp(`^\\s+${share}%+ in ([\\d.]+) secs`, 'm').exec(text)?.[1];
      return seconds === undefined ? null : Math.round(Number(seconds) * 1e9);
    };
    const codes = [...text.matchAll(/^\s+\[(\d{3})\]\s+(\d+) responses/gm)];
    const failures = [...text.matchAll(/^\s+\[(\d+)\]\s+\S.*$/gm)].filter(
      ([line]) => !/responses/.test(line),
    );
    if (!text.includes('Requests/sec')) {
      throw infrastructureError('hey gave no summary', 'its output stands in the job’s folder');
    }
    const count = (matches: RegExpExecArray[], group: number) =>
      matches.reduce((sum, match) => sum + Number(match[group]), 0);
    const good = codes.filter(([, code = '']) => code.startsWith('2'));
    const bad = codes.filter(([, code = '']) => !code.startsWith('2'));
    return {
      completed: count(good, 2),
      errors: count(bad, 2) + count(failures, 1),
      p50Ns: percentile(50),
      p90Ns: percentile(90),
      p99Ns: percentile(99),
    };
  },
};
