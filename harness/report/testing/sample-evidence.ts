import type { Agreement } from '../../analyze/agreement.ts';
import { comparePaired, type Flame } from '../../analyze/flames.ts';
import { flameTree } from '../../profile/flame-tree.ts';
import type {
  ClosedLoopReport,
  CurvePoint,
  DescriptorReport,
  GeneratorReport,
  ObserverCost,
  PairedReport,
  ProbeDistribution,
  ProfileSummary,
  ScenarioReport,
  ServerReport,
  TraceReport,
} from '../report.ts';

/** The evidence of a sample scenario; invented, see sample.ts. */

const quantiles = [
  0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1,
];

export function curves(variants: string[]): ScenarioReport['curves'] {
  return variants.map((variant, index) => ({
    variant,
    points: quantiles.map((quantile): CurvePoint => {
      const nines = quantile === 1 ? 5.5 : -Math.log10(1 - quantile);
      const value = 38_000 * 1.16 ** index * Math.exp(0.55 * nines + 0.03 * nines * nines * index);
      return {
        quantile,
        valueNs: Math.round(value),
        loNs: Math.round(value * (1 - 0.02 * (1 + nines))),
        hiNs: Math.round(value * (1 + 0.02 * (1 + nines))),
      };
    }),
  }));
}

/** Rows of eighths of octaves about `middle`, log-normal with a small second hump. */
function rowsAbout(middle: number, total: number): number[][] {
  const rows: number[][] = [];
  for (let octave = 8; octave < 24; octave++) {
    for (let eighth = 0; eighth < 8; eighth++) {
      const from = 2 ** octave + eighth * 2 ** (octave - 3);
      const to = from + 2 ** (octave - 3);
      const distance = Math.log2(from / middle);
      const density = Math.exp(-(distance ** 2) / 1.2) + 0.04 * Math.exp(-((distance - 4) ** 2));
      const count = Math.round(total * 0.5 * density * Math.log2(to / from));
      if (count > 0) {
        rows.push([from, to, count]);
      }
    }
  }
  return rows;
}

function distribution(
  variant: string,
  name: string,
  unit: 'ns' | 'count',
  rows: number[][],
): ProbeDistribution {
  const count = rows.reduce((sum, [, , events = 0]) => sum + events, 0);
  const atQuantile = (quantile: number) => {
    let seen = 0;
    for (const [from = 0, , events = 0] of rows) {
      seen += events;
      if (seen >= quantile * count) {
        return from;
      }
    }
    return 0;
  };
  const weighted = rows.reduce((sum, [from = 0, to = 0, n = 0]) => sum + (n * (from + to)) / 2, 0);
  return {
    variant,
    name,
    unit,
    count,
    mean: Math.round(weighted / count),
    p50: atQuantile(0.5),
    p99: atQuantile(0.99),
    max: (rows.at(-1)?.[1] ?? 1) - 1,
    overflow: 0,
    rows,
  };
}

export function distributions(variants: string[]): ProbeDistribution[] {
  const middles: [string, number][] = [
    ['wakeupNs', 3_800],
    ['netpollBlockedNs', 120_000],
    ['netpollPollNs', 900],
    ['readNs', 1_700],
    ['writeNs', 9_200],
  ];
  return variants.flatMap((variant, index) => [
    ...middles.map(([name, middle]) =>
      distribution(variant, name, 'ns', rowsAbout(middle * 1.25 ** index, 80_000)),
    ),
    distribution(variant, 'netpollReadyEvents', 'count', [
      [0, 1, 9_000],
      [1, 2, 52_000 - 9_000 * index],
      [2, 3, 12_000],
      [3, 4, 3_100],
      [4, 5, 800 + 400 * index],
      [5, 6, 90],
      [16, 18, 4],
    ]),
  ]);
}

/** A tree of three frames for each view. */
export function flames([reference = '', ...others]: string[]): Flame[] {
  const stack = (names: string[], ...values: number[]) => ({
    frames: names.map((name, depth) => ({ name, file: `/src/${name}.go`, line: 10 + depth })),
    values,
  });
  const options = { minShare: 0.001, maxNodes: 100 };
  const serve = 'net/http.(*conn).serve';
  const tree = flameTree(
    [
      stack([serve, 'syscall.read'], 910_000_000),
      stack([serve], 20_000_000),
      stack(['runtime.mcall'], 500_000),
    ],
    options,
  );
  const rounds = 4;
  const both = flameTree(
    [
      stack(
        [serve, 'syscall.read'],
        ...[300, 310, 290, 300, 900, 910, 905, 890].map((v) => v * 1e6),
      ),
      stack(['runtime.mcall'], ...[100, 90, 110, 100, 100, 110, 90, 95].map((v) => v * 1e6)),
    ],
    {
      ...options,
      compare: (values) => comparePaired(values.slice(0, rounds), values.slice(rounds), 1e7),
    },
  );
  return [
    { view: 'cpu', variant: reference, unit: 'ns', rounds, tree },
    { view: 'off-cpu', variant: reference, unit: 'ns', rounds, tree },
    { view: 'goroutine', variant: reference, unit: 'count', rounds, tree },
    ...others.map(
      (variant): Flame => ({
        ...{ view: 'cpu-difference', variant, reference, unit: 'ns', rounds, tree: both },
      }),
    ),
  ];
}

export function profiles(variants: string[]): ProfileSummary[] {
  const cpu: [string, number, number][] = [
    ['internal/runtime/syscall.Syscall6', 0.391, 0.391],
    ['runtime.futex', 0.082, 0.082],
    ['runtime.mallocgc', 0.031, 0.094],
    ['net/http.(*conn).serve', 0.004, 0.712],
    [
      'main.(*server).handle.func1[go.shape.struct { example.com/very/long/module/path.Request }]',
      0.002,
      0.231,
    ],
    ['runtime.netpoll', 0.006, 0.124],
    ['runtime.findRunnable', 0.021, 0.203],
  ];
  return variants.flatMap((variant): ProfileSummary[] => [
    {
      variant,
      profile: 'cpu',
      unit: 'ns',
      total: 2_410_000_000,
      samples: 241,
      functions: cpu.map(([name, flat, cumulative]) => ({
        name,
        flat: Math.round(flat * 2_410_000_000),
        cumulative: Math.round(cumulative * 2_410_000_000),
      })),
    },
    {
      variant,
      profile: 'goroutine',
      unit: 'count',
      total: 71,
      samples: 71,
      functions: [
        { name: 'runtime.gopark', flat: 70, cumulative: 70 },
        { name: 'runtime.netpollblock', flat: 0, cumulative: 66 },
      ],
    },
  ]);
}

export function traces(variants: string[]): TraceReport[] {
  return variants.map((variant) => ({
    variant,
    durationNs: 2_000_000_000,
    blockedNs: {
      network: 127_000_000_000,
      sync: 9_200_000_000,
      'chan receive': 310_000_000,
      sleep: 0,
    },
    syscallNs: 410_000_000,
    runnableNs: 96_000_000,
    runningNs: 840_000_000,
    networkWakeup: { count: 31_204, p50: 3_900, p99: 26_100 },
  }));
}

export function descriptors(variants: string[], observed: boolean): DescriptorReport[] {
  return variants.map((variant) => {
    const leak: number = variant === 'leaky' ? 121 : 0;
    return {
      variant,
      requests: 12_000,
      opened: observed ? { socket: 12_000, file: 12_000 } : null,
      closed: observed ? { socket: 12_000 - leak, file: 12_000 - leak } : null,
      leaked: observed ? { socket: leak, file: leak } : null,
      procGrowth: { socket: leak, file: leak, pipe: variant === 'leaky' ? -1 : 0 },
    };
  });
}

export function observerCost(variants: string[]): ObserverCost[] {
  return variants.flatMap((variant): ObserverCost[] => [
    {
      variant,
      metric: 'latency-p50',
      unit: 'ns',
      unobserved: 61_200,
      observed: 66_900,
      ratio: 1.093,
    },
    {
      variant,
      metric: 'latency-p99',
      unit: 'ns',
      unobserved: 187_000,
      observed: 241_000,
      ratio: 1.289,
    },
    {
      variant,
      metric: 'cpu-per-request',
      unit: 'ns',
      unobserved: 21_400,
      observed: 25_100,
      ratio: 1.173,
    },
  ]);
}

export function closedLoop(variants: string[]): ClosedLoopReport[] {
  return variants.map((variant, index) => ({
    variant,
    first: index % 2 === 0 ? 'autocannon' : 'generator',
    requestsPerSec: 25_730 / 1.2 ** index,
    p50Us: 2_410,
    p99Us: 4_870,
    completed: 128_650,
    failed: 0,
    clientCpuRatio: 0.98,
    eventLoopDelayP99Ns: 2_130_000,
    generator: {
      requestsPerSec: 61_200 / 1.2 ** index,
      p50Ns: 503_000,
      p99Ns: 1_210_000,
      completed: 183_600,
      failed: 0,
      busyRatio: 0.43,
      absolute: 'valid',
      reasons: [],
    },
    biasP50Ns: 1_907_000,
    biasP99Ns: 3_660_000,
    warnings: ['the client used 98 % of its core: the server may be able to do more'],
  }));
}

export function generator(variants: string[], rounds: number): GeneratorReport[] {
  return Array.from({ length: rounds }, (_, index) =>
    variants.map((variant): GeneratorReport => {
      const late = index === 6 && variant === variants[0];
      return {
        round: index + 1,
        variant,
        scheduled: 10_000,
        completed: 10_000,
        errors: 0,
        unsent: 0,
        achievedRatio: 1,
        sendLagP50Ns: 800,
        sendLagP99Ns: late ? 61_000 : 9_400,
        receiveLagP50Ns: 700,
        receiveLagP99Ns: 12_300,
        busyRatio: 0.31,
        scheduling: 'fifo',
        absolute: late ? 'suspect' : 'valid',
        reasons: late
          ? [
              {
                ...{ rule: 'send-lag', grade: 'suspect', cause: 'generator' },
                text: 'send lag p99 61 µs is over 50 µs',
              },
            ]
          : [],
      };
    }),
  ).flat();
}

export function paired(variants: string[], rounds: number): PairedReport[] {
  return Array.from({ length: rounds }, (_, index): PairedReport => {
    const round = index + 1;
    if (variants.length < 2) {
      return { round, grade: null, reasons: [] };
    }
    const text = `send lag p99 of ${variants[0]} is 61 µs, of ${variants[1]} 9.4 µs, more than 50 µs apart`;
    return index === 6
      ? {
          ...{ round, grade: 'invalid' },
          reasons: [{ rule: 'unequal-send-lag-p99', grade: 'invalid', cause: 'generator', text }],
        }
      : { round, grade: 'valid', reasons: [] };
  });
}

export function agreements(variants: string[]): Agreement[] {
  return variants.flatMap((variant): Agreement[] => [
    {
      variant,
      quantity: 'requests served',
      unit: 'count',
      first: { source: 'load generator: replies', value: 100_000 },
      second: { source: 'fixture counters', value: 100_000 },
      tolerance: 0.001,
      gap: 0,
      state: 'agree',
    },
    {
      variant,
      quantity: 'wake-up latency p50',
      unit: 'ns',
      first: { source: 'eBPF: netpollready to execute', value: 3_840 },
      second: { source: 'execution trace', value: 3_900 },
      tolerance: 0.25,
      gap: 0.0154,
      state: 'agree',
    },
    {
      variant,
      quantity: 'wake-up latency p99',
      unit: 'ns',
      first: { source: 'eBPF: netpollready to execute', value: 24_300 },
      second: { source: 'execution trace', value: 41_000 },
      tolerance: 0.25,
      gap: 0.407,
      state: variant === 'io_uring' ? 'disagree' : 'shown',
    },
  ]);
}

export function servers(variants: string[]): ServerReport[] {
  return variants.map((variant, index) => ({
    variant,
    sha256: 'b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c',
    goVersion: 'go1.26.8',
    netpoller: index === 0 ? 'epoll' : 'io_uring',
    netpollerProof:
      index === 0 ? 'epoll_pwait 8,704, io_uring_enter 0' : 'epoll_pwait 0, io_uring_enter 13,926',
    cpus: '0',
    goMaxProcs: 1,
  }));
}
