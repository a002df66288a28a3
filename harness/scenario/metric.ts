/**
 * Every quantity that a run judges, with its unit and direction. Stored values are in the base
 * unit; scaling happens only in printing.
 */
export interface Metric {
  /** Short name for tables. */
  label: string;
  unit: 'ns' | 'count' | 'perSec';
  better: 'lower' | 'higher';
  /** Which window it is read from: latency and CPU never from the observed one. */
  window: 'unobserved' | 'observed' | 'closed-loop';
  /** `time` depends on the machine; `exact` is a property of the program under a fixed load. */
  kind: 'time' | 'exact';
  /** What it says, for someone who reads the report. */
  description: string;
}

export const metrics = {
  'latency-p50': {
    label: 'p50',
    unit: 'ns',
    better: 'lower',
    window: 'unobserved',
    kind: 'time',
    description: 'Median latency from the intended send time; one value per round.',
  },
  'latency-p99': {
    label: 'p99',
    unit: 'ns',
    better: 'lower',
    window: 'unobserved',
    kind: 'time',
    description: '99th percentile of the latency from the intended send time; one value per round.',
  },
  'cpu-per-request': {
    label: 'CPU/request',
    unit: 'ns',
    better: 'lower',
    window: 'unobserved',
    kind: 'time',
    description: 'User and system CPU time of the server process per completed request.',
  },
  'context-switches-per-request': {
    label: 'context switches/request',
    unit: 'count',
    better: 'lower',
    window: 'unobserved',
    kind: 'time',
    description: 'Voluntary and involuntary context switches of the server per completed request.',
  },
  'allocations-per-request': {
    label: 'allocations/request',
    unit: 'count',
    better: 'lower',
    window: 'unobserved',
    kind: 'exact',
    description: 'Heap objects that the server allocated per completed request.',
  },
  'io-calls-per-request': {
    label: 'read and write calls',
    unit: 'count',
    better: 'lower',
    window: 'unobserved',
    kind: 'exact',
    description:
      'Read- and write-like system calls of the server per completed request, by /proc/PID/io.',
  },
  'failed-requests-per-1000': {
    label: 'failed requests/1,000',
    unit: 'count',
    better: 'lower',
    window: 'unobserved',
    kind: 'exact',
    description: 'Requests without a good reply, failed or never sent, per 1,000 scheduled ones.',
  },
  'reads-per-request': {
    label: 'reads/request',
    unit: 'count',
    better: 'lower',
    window: 'observed',
    kind: 'exact',
    description: 'Calls of read, pread64, readv, recvfrom and recvmsg per completed request.',
  },
  'writes-per-request': {
    label: 'writes/request',
    unit: 'count',
    better: 'lower',
    window: 'observed',
    kind: 'exact',
    description: 'Calls of write, pwrite64, writev, sendto and sendmsg per completed request.',
  },
  'polls-per-request': {
    label: 'polls/request',
    unit: 'count',
    better: 'lower',
    window: 'observed',
    kind: 'time',
    description: 'Calls of epoll_pwait and io_uring_enter per completed request.',
  },
  'leaked-descriptors-per-1000': {
    label: 'leaked descriptors/1,000',
    unit: 'count',
    better: 'lower',
    window: 'observed',
    kind: 'exact',
    description: 'Descriptors opened and never closed in the window, per 1,000 requests.',
  },
  'wakeup-p99': {
    label: 'wake-up p99',
    unit: 'ns',
    better: 'lower',
    window: 'observed',
    kind: 'time',
    description: 'From netpoll making a goroutine ready to it running, 99th percentile (eBPF).',
  },
  'throughput-closed-loop': {
    label: 'closed-loop throughput',
    unit: 'perSec',
    better: 'higher',
    window: 'closed-loop',
    kind: 'time',
    description: 'Requests per second of autocannon in closed loop; its client shares the machine.',
  },
} as const satisfies Record<string, Metric>;

export type MetricId = keyof typeof metrics;

export const metricIds = Object.keys(metrics) as MetricId[];

export function isMetricId(id: string): id is MetricId {
  return Object.hasOwn(metrics, id);
}
