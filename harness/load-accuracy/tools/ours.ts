import Type, { type Static } from 'typebox';
import { formatJson, parseJson } from '../../lib/json.ts';
import type { Job, Tool } from '../tool.ts';

const Ns = Type.Union([Type.Integer(), Type.Null()]);
const Distribution = Type.Object({ p50: Ns, p90: Ns, p99: Ns, max: Ns });
const OracleErrors = Type.Object({ p50Ns: Type.Integer(), p99Ns: Type.Integer() });

/** The part of load.json (go-fixtures/internal/loadgen/record) that this benchmark reads. */
const Load = Type.Object({
  startedNs: Type.Integer(),
  connect: Type.Record(Type.String(), Distribution),
  phases: Type.Array(
    Type.Object({
      arms: Type.Record(
        Type.String(),
        Type.Object({
          scheduled: Type.Integer(),
          sent: Type.Integer(),
          completed: Type.Integer(),
          unsent: Type.Integer(),
          errors: Type.Record(Type.String(), Type.Integer()),
          achievedRatePerSec: Type.Number(),
          latencyNs: Distribution,
          sendLagNs: Distribution,
          oracle: Type.Optional(
            Type.Object({
              expected: OracleErrors,
              quantileErrors: OracleErrors,
              utilisation: Type.Number(),
            }),
          ),
          validity: Type.Object({
            absolute: Type.Enum(['valid', 'suspect', 'invalid']),
            // The cause: whose doing it is.
            reasons: Type.Array(Type.Object({ rule: Type.String(), cause: Type.String() })),
          }),
        }),
      ),
      offeredRatePerSec: Type.Number(),
      generator: Type.Object({
        cpuNs: Type.Integer(),
        busyRatio: Type.Number(),
        // fifo: real-time priority; other: the kernel refused it.
        scheduling: Type.Enum(['fifo', 'other']),
      }),
    }),
  ),
  search: Type.Optional(
    Type.Object({
      ratePerSec: Type.Union([Type.Number(), Type.Null()]),
      limitedBy: Type.String(),
      probes: Type.Array(Type.Object({ ratePerSec: Type.Number() })),
    }),
  ),
});
export type Load = Static<typeof Load>;

/** The name of the server in a spec of one arm. */
const arm = 'server';

/** @throws PollgateError where it is no load.json that this benchmark knows */
export function parseLoad(text: string): Load {
  return parseJson(text, Load, { name: 'load.json', remedy: 'npm run bench:load builds it anew' });
}

/** What the only arm has in the first phase. */
export function onlyArm(load: Load): Load['phases'][number]['arms'][string] {
  const found = load.phases[0]?.arms[arm];
  if (found === undefined) {
    throw new Error('load.json has no phase, or another arm');
  }
  return found;
}

/** What all specs of this benchmark have in common. */
export function commonSpec(job: Job): Record<string, unknown> {
  return {
    schema: 2,
    arms: [{ name: arm, address: job.address }],
    connectionsPerArm: job.connections,
    seed: job.seed,
    cpus: [job.cpu],
  };
}

/** The generator of this project, as a tool among others. */
export const ours: Tool = {
  id: 'ours',
  title: 'pollgate loadgen',
  loop: 'open',
  source: { kind: 'own', program: 'loadgen' },
  how: 'counts from when a request was due; constant arrivals here, to be like the others (its default is Poisson); real-time priority where it has CAP_SYS_NICE and Reno sockets, which are its defaults and which no other here has',
  files: (job) => ({
    'spec.json': formatJson({
      ...commonSpec(job),
      protocol: 'http1',
      http: {},
      ...(job.ratePerSec > 0
        ? { mode: 'open', arrivals: { kind: 'constant' }, ratePerSec: job.ratePerSec }
        : { mode: 'closed' }),
      phases: [{ name: 'load', durationMs: job.durationMs }],
    }),
  }),
  args: (job) => ['--spec', `${job.dir}/spec.json`, '--out', job.dir, '--unattended'],
  reportFile: 'load.json',
  // It looks whether the server answers as it should.
  warmUpRequests: () => 1,
  parse: (text) => {
    const { completed, unsent, errors, latencyNs } = onlyArm(parseLoad(text));
    return {
      completed,
      errors: Object.values(errors).reduce((sum, count) => sum + count, unsent),
      p50Ns: latencyNs.p50,
      p90Ns: latencyNs.p90,
      p99Ns: latencyNs.p99,
    };
  },
};
