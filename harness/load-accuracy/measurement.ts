import { constantSchedule, fifoLatencies, lagsBehindSchedule, quantile } from './oracle.ts';
import type { Cost } from './run-tool.ts';
import type { Job, ToolReport } from './tool.ts';
import type { TruthSeen } from './truth-server.ts';

/** What `--only` takes. */
export const groups = ['accuracy', 'lag', 'omission', 'cost', 'memory', 'targets'] as const;
export type Group = (typeof groups)[number];

/** Named figures of one job; ns where the name does not say otherwise. */
type Values = Record<string, number>;

/** What is left when a generator has done its job. */
export interface Seen {
  job: Job;
  report: ToolReport;
  cost: Cost;
  /** Without the requests of a warm-up. */
  truth: TruthSeen;
}

/** One question to every generator: a server, a job, and what of the outcome is kept. */
export interface Measurement {
  id: string;
  group: Group;
  server: { service: string; stall?: string; log: boolean; countConnections?: boolean };
  load: Pick<Job, 'connections' | 'ratePerSec' | 'durationMs'>;
  /** Whether a generator that keeps no rate may do it as fast as it can. */
  orClosedLoop?: boolean;
  read(seen: Seen): Values;
}

/** The figures of one request after the other: what was reported less what the server really took. */
function closedLoopErrors({ report, truth }: Seen): Values {
  const real = truth.log.map(({ replyNs }) => replyNs);
  return { ...errors(report, real), requests: real.length };
}

/**
 * The same for a schedule: latency counts from when a request was due, whether the generator was
 * able to send it then or not.
 */
function scheduleErrors({ job, report, truth }: Seen): Values {
  const { log } = truth;
  const asked = Math.round((job.ratePerSec * job.durationMs) / 1000);
  const due = constantSchedule(log.length, job.ratePerSec);
  return {
    ...errors(report, fifoLatencies(due, log)),
    requests: log.length,
    missingRatio: 1 - log.length / asked,
  };
}

function errors(report: ToolReport, real: readonly number[]): Values {
  const values: Values = {};
  for (const [name, share] of [
    ['p50', 0.5],
    ['p90', 0.9],
    ['p99', 0.99],
  ] as const) {
    const [seen, truth] = [report[`${name}Ns`], quantile(real, share)];
    if (truth !== null) {
      values[`${name}TrueNs`] = truth;
      if (seen !== null) {
        values[`${name}ErrorNs`] = seen - truth;
      }
    }
  }
  return values;
}

/** How late requests began at a server that is almost always free. */
function sendLag({ job, truth }: Seen): Values {
  const arrivals = truth.log.map(({ beganNs }) => beganNs);
  const lags = lagsBehindSchedule(arrivals, job.ratePerSec);
  return withoutNull({ p50Ns: quantile(lags, 0.5), p99Ns: quantile(lags, 0.99) });
}

function cost({ job, report, cost: { userNs, systemNs } }: Seen): Values {
  const cpuNs = userNs + systemNs;
  return report.completed === 0
    ? {}
    : {
        cpuPerRequestNs: cpuNs / report.completed,
        ratePerSec: (report.completed * 1000) / job.durationMs,
        ratePerCpuSec: (report.completed * 1e9) / cpuNs,
      };
}

function memory({ report, cost: { maxRssBytes }, truth }: Seen): Values {
  return {
    maxRssMiB: maxRssBytes / 2 ** 20,
    connections: truth.peakConnections,
    completed: report.completed,
    errors: report.errors,
  };
}

function withoutNull(values: Record<string, number | null>): Values {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  );
}

/** Service times of the closed loop, as truthd takes them. */
const services = {
  fixed: 'fixed:50us',
  exponential: 'exp:200us',
  // Not 1 %: then p99 stands on the edge between both times, and one request moves it by 9.9 ms.
  bimodal: 'bimodal:100us,10ms,0.02',
} as const;

/** Every measurement, at its full or its quick length. */
export function measurements(quick: boolean): Measurement[] {
  const ms = (full: number, short: number) => (quick ? short : full);
  const closed = Object.entries(quick ? { exponential: services.exponential } : services).map(
    ([name, service]): Measurement => ({
      id: `closed-${name}`,
      group: 'accuracy',
      server: { service, log: true },
      load: { connections: 1, ratePerSec: 0, durationMs: 1_000 },
      read: closedLoopErrors,
    }),
  );
  const rated = (quick ? [3_500] : [2_000, 3_500]).map(
    (ratePerSec): Measurement => ({
      id: `rate-${ratePerSec}`,
      group: 'accuracy',
      server: { service: services.exponential, log: true },
      load: { connections: 64, ratePerSec, durationMs: ms(2_000, 1_000) },
      read: scheduleErrors,
    }),
  );
  return [
    ...closed,
    ...rated,
    {
      id: 'lag',
      group: 'lag',
      server: { service: services.fixed, log: true },
      load: { connections: 64, ratePerSec: 1_500, durationMs: 1_000 },
      read: sendLag,
    },
    {
      id: 'omission',
      group: 'omission',
      server: {
        service: services.fixed,
        stall: quick ? 'at:400ms,for:400ms' : 'at:1s,for:1s',
        log: true,
      },
      load: { connections: 64, ratePerSec: 1_000, durationMs: ms(5_000, 2_000) },
      read: scheduleErrors,
    },
    {
      id: 'cost',
      group: 'cost',
      server: { service: 'fixed:0', log: false },
      // Starting up is in the CPU time: it must be little beside the work.
      load: { connections: 64, ratePerSec: 0, durationMs: ms(5_000, 1_000) },
      read: cost,
    },
    {
      id: 'memory',
      group: 'memory',
      server: { service: 'fixed:0', log: false, countConnections: true },
      load: { connections: 10_000, ratePerSec: 10_000, durationMs: ms(3_000, 1_500) },
      orClosedLoop: true,
      read: memory,
    },
  ];
}
