import { execa } from 'execa';
import Type, { type Static } from 'typebox';
import { parseJson } from '../lib/json.ts';
import type { Cause } from '../scenario/cause.ts';

/** What `faulty --list` prints of each fault (go-fixtures/cmd/faulty). */
const Fault = Type.Object({
  name: Type.String(),
  arguments: Type.Array(Type.String()),
  twinArguments: Type.Array(Type.String()),
  ratePerSec: Type.Integer({ minimum: 1 }),
  connections: Type.Integer({ minimum: 1 }),
  needs: Type.Array(Type.String()),
});
type Fault = Static<typeof Fault>;

/** The cause that a diagnosis has to name for each fault; null: none, though it looks like one. */
const expected: Record<string, Cause | null> = {
  'connection-leak': 'fd-leak',
  'file-leak': 'fd-leak',
  'dup-leak': 'fd-leak',
  // The claim that many idle descriptors make epoll_wait slow: nothing is wrong with them.
  'idle-connections': null,
  'connection-reuse-http1': 'connection-reuse',
  'keep-alive-off': 'connection-reuse',
  'pool-too-small': 'connection-reuse',
  'http2-streams-refused': 'connection-reuse',
  'goroutine-leak': 'goroutine-leak',
  'context-leak': 'goroutine-leak',
  'channel-wait': 'channel-wait',
  'lock-convoy': 'lock-convoy',
  spin: 'spin',
  'gomaxprocs-too-low': 'starvation',
  'gomaxprocs-above-quota': 'cpu-throttling',
  'cpu-hog': 'cpu-hog',
  'gc-pressure': 'gc-pressure',
  'timer-storm': 'timer-storm',
  'slow-storage': 'slow-storage',
  'slow-peer': 'slow-peer',
  'synchronous-dns': 'synchronous-dns',
  'small-writes': 'small-writes',
  'syscall-storm': 'small-reads',
  'nagle-delayed-ack': 'nagle-delayed-ack',
  retransmits: 'retransmits',
};

/**
 * Two faults in one server, at the lower of their rates: a queue for a lock is there only at nearly
 * its own rate.
 */
const pairs: readonly (readonly [string, string])[] = [
  ['context-leak', 'lock-convoy'],
  ['goroutine-leak', 'slow-peer'],
  ['spin', 'synchronous-dns'],
  ['gc-pressure', 'connection-reuse-http1'],
  ['file-leak', 'small-writes'],
];

/** A server of the trial. */
export interface Subject {
  /** Unique; part of the names of folders. */
  id: string;
  args: string[];
  ratePerSec: number;
  connections: number;
  /** Causes that have to be found; none for a correct twin. */
  expect: Cause[];
  kind: 'fault' | 'twin' | 'pair';
}

export interface Skipped {
  name: string;
  why: string;
}

/** What the machine offers of what faults may need. */
export interface Offers {
  cpus: number;
  /** Whether a cgroup with a CPU quota can be made. */
  cpuQuota: boolean;
}

/**
 * Asks the fixture for its faults.
 * @param only names of faults; undefined: all
 */
export async function listSubjects(
  faulty: string,
  offers: Offers,
  only?: readonly string[],
): Promise<{ subjects: Subject[]; skipped: Skipped[]; known: string[] }> {
  const { stdout } = await execa(faulty, ['--list']);
  const all = parseJson(stdout, Type.Array(Fault), {
    name: 'faulty --list',
    remedy: 'npm run build',
  });
  const skipped: Skipped[] = [];
  const singles = all
    .filter(({ name }) => only === undefined || only.includes(name))
    .flatMap((fault): Subject[] => {
      const why = lacks(fault, offers);
      if (why !== undefined) {
        skipped.push({ name: fault.name, why });
        return [];
      }
      return single(fault);
    });
  const found = (name: string) => all.find((fault) => fault.name === name);
  const doubles = pairs.flatMap((names): Subject[] => {
    const [first, second] = names.map(found);
    const wanted = only === undefined || only.includes(names.join(','));
    return first !== undefined && second !== undefined && wanted ? [both(first, second)] : [];
  });
  const known = [...all.map(({ name }) => name), ...pairs.map((names) => names.join(','))];
  return { subjects: [...singles, ...doubles], skipped, known };
}

function single(fault: Fault): Subject[] {
  const cause = expected[fault.name] ?? null;
  const { ratePerSec, connections } = fault;
  return [
    {
      id: fault.name,
      args: fault.arguments,
      expect: cause === null ? [] : [cause],
      kind: cause === null ? 'twin' : 'fault',
      ...{ ratePerSec, connections },
    },
    {
      id: `${fault.name}.correct`,
      args: fault.twinArguments,
      expect: [],
      kind: 'twin',
      ...{ ratePerSec, connections },
    },
  ];
}

/** At the lower rate, which both can take. */
function both(first: Fault, second: Fault): Subject {
  return {
    id: `${first.name}+${second.name}`,
    args: ['--fault', `${first.name},${second.name}`],
    ratePerSec: Math.min(first.ratePerSec, second.ratePerSec),
    connections: Math.max(first.connections, second.connections),
    expect: [first, second].flatMap(({ name }) => expected[name] ?? []),
    kind: 'pair',
  };
}

function lacks({ name, needs }: Fault, { cpus, cpuQuota }: Offers): string | undefined {
  if (!(name in expected)) {
    return 'no rule names its cause';
  }
  if (needs.includes('two-cpus') && cpus < 2) {
    return `needs 2 CPUs, ${cpus} seen`;
  }
  if (needs.includes('three-cpus') && cpus < 3) {
    return `needs 3 CPUs, ${cpus} seen`;
  }
  return needs.includes('cpu-quota') && !cpuQuota
    ? 'needs a cgroup with a CPU quota, which the trial does not make'
    : undefined;
}
