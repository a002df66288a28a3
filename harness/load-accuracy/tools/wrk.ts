import Type from 'typebox';
import { parseJson } from '../../lib/json.ts';
import { type Tool, urlOf } from '../tool.ts';

/** Runs once, at the end: wrk's own text rounds to three digits. */
const script = `done = function(summary, latency, requests)
  local e = summary.errors
  local line = '{"completed":%d,"errors":%d,"p50Us":%d,"p90Us":%d,"p99Us":%d}'
  print('pollgate ' .. string.format(line, summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
`;

const Line = Type.Object({
  completed: Type.Integer(),
  errors: Type.Integer(),
  p50Us: Type.Integer(),
  p90Us: Type.Integer(),
  p99Us: Type.Integer(),
});

export const wrk: Tool = {
  id: 'wrk',
  loop: 'closed',
  source: { kind: 'debian', package: 'wrk', version: ['-v'] },
  how: 'one thread; percentiles in whole µs from a script that runs at its end; it adds samples for a mean interval of its own (`stats_correct`)',
  files: () => ({ 'report.lua': script }),
  args: (job) =>
    job.ratePerSec > 0
      ? null
      : [
          ...[
            '-t1',
            `-c${job.connections}`,
            `-d${Math.max(1, Math.round(job.durationMs / 1000))}s`,
          ],
          ...['-s', `${job.dir}/report.lua`, urlOf(job)],
        ],
  parse: (text) => {
    const line = /^pollgate (.*)$/m.exec(text)?.[1] ?? '';
    const source = { name: 'the line of wrk’s script', remedy: 'wrk -v; version 4 is known' };
    const seen = parseJson(line, Line, source);
    return {
      completed: seen.completed,
      errors: seen.errors,
      p50Ns: seen.p50Us * 1e3,
      p90Ns: seen.p90Us * 1e3,
      p99Ns: seen.p99Us * 1e3,
    };
  },
};
