import { formatInteger, significant } from '../lib/units.ts';
import type { GroupEvidence, RoundEvidence } from './evidence.ts';
import type { FairnessRow } from './matrix-report.ts';
import { groupName, type MatrixPlan, serversOf } from './plan.ts';
import type { MatrixRecord, Turn } from './record.ts';
import { cpusOf } from './ring-threads.ts';
import { probedValues, windowValues } from './values.ts';

/** Of the wrong poller's calls beside the right one's: what a loop of its own leaves to Go's runtime. */
const strayCalls = 0.01;
/** A request for one page reads 4,096 bytes from storage, or none. */
const pageBytes = 4096;
const fewestDeviceBytes = 0.95 * pageBytes;
const mostCachedBytes = 0.02 * pageBytes;

/** What is proved of each server of a group, and what contradicts it. */
export function fairnessOf(
  record: MatrixRecord,
  plan: MatrixPlan,
  evidence: GroupEvidence,
): FairnessRow[] {
  const { group } = evidence;
  return serversOf(plan.description, group.condition).flatMap((server) => {
    const build = record.builds[`${plan.id}/${server}`];
    const rounds = [...evidence.saturation, ...evidence.open];
    const turns = rounds.flatMap(({ turns: all }) => all.get(server)?.record ?? []);
    const [first] = turns;
    if (build === undefined || first === undefined) {
      return [];
    }
    const polls = pollsOf(evidence.open, server);
    const { deviceBytes, cpusUsed } = usageOf(rounds, server);
    const ringThreads = turns.flatMap((turn) => turn.ringThreads);
    const row: FairnessRow = {
      group: groupName(group),
      server,
      goVersion: build.goVersion,
      goMaxProcs: first.server.goMaxProcs,
      cpus: first.server.cpus,
      ...{ polls, deviceBytes, cpusUsed },
      ringThreads: ringThreadWords(ringThreads),
      contradictions: [],
      unproved: [],
    };
    const spec = plan.description.servers[server];
    judgePolls(row, spec?.polls ?? spec?.netpoller ?? 'epoll', spec?.polls === undefined);
    judgeCache(row, plan.description.conditions[group.condition]?.deviceReads);
    judgeCpus(row, record, { ringThreads, turns });
    return [row];
  });
}

function pollsOf(rounds: readonly RoundEvidence[], server: string): FairnessRow['polls'] {
  const seen = rounds.flatMap(({ turns }) => probedValues(turns.get(server), server) ?? []);
  return seen.length === 0
    ? null
    : {
        epoll: seen.reduce((sum, { epollCalls }) => sum + epollCalls, 0),
        ioUring: seen.reduce((sum, { ringCalls }) => sum + ringCalls, 0),
      };
}

function usageOf(
  rounds: readonly RoundEvidence[],
  server: string,
): Pick<FairnessRow, 'deviceBytes' | 'cpusUsed'> {
  const windows = rounds.flatMap(({ turns }) => {
    const turn = turns.get(server);
    return Object.keys(turn?.record.windows ?? {}).flatMap(
      (window) => windowValues(turn, server, window) ?? [],
    );
  });
  const bytes = windows.flatMap(({ deviceBytes }) => deviceBytes ?? []);
  const cpus = windows.flatMap(({ cpusUsed }) => cpusUsed ?? []);
  return {
    deviceBytes: bytes.length === 0 ? null : bytes.reduce((a, b) => a + b, 0) / bytes.length,
    cpusUsed: cpus.length === 0 ? null : Math.max(...cpus),
  };
}

function judgePolls(row: FairnessRow, wanted: 'epoll' | 'io_uring', strict: boolean): void {
  if (row.polls === null) {
    row.unproved.push(`that it polls with ${wanted}: no probe looked`);
    return;
  }
  const { epoll, ioUring } = row.polls;
  const [right, wrong] = wanted === 'epoll' ? [epoll, ioUring] : [ioUring, epoll];
  if (right === 0 || wrong > (strict ? 0 : strayCalls * right)) {
    row.contradictions.push(
      `polls with ${wanted} by its name, and made ${formatInteger(epoll)} calls of epoll_wait and ${formatInteger(ioUring)} of io_uring_enter`,
    );
  }
}

function judgeCache(row: FairnessRow, wanted: 'none' | 'every' | undefined): void {
  const { deviceBytes } = row;
  if (wanted === undefined) {
    return;
  }
  if (deviceBytes === null) {
    row.unproved.push('the state of the page cache: /proc/PID/io does not tell');
    return;
  }
  if (wanted === 'every' ? deviceBytes < fewestDeviceBytes : deviceBytes > mostCachedBytes) {
    row.contradictions.push(
      `${significant(deviceBytes)} bytes a request came from storage, expected ${wanted === 'every' ? pageBytes : 0}`,
    );
  }
}

/** The kernel charges its threads for a ring to the process; here is whether they kept to its CPUs too. */
function judgeCpus(
  row: FairnessRow,
  { placement }: MatrixRecord,
  { ringThreads, turns }: { ringThreads: Turn['ringThreads']; turns: readonly Turn[] },
): void {
  const budget = cpusOf(placement.servers);
  const outside = ringThreads.filter(({ cpus }) =>
    cpusOf(cpus).some((cpu) => !budget.includes(cpu)),
  );
  if (outside.length > 0) {
    row.unproved.push(
      `that its ${outside[0]?.kind} threads kept to CPU ${placement.servers}: they may run on ${outside[0]?.cpus}`,
    );
  }
  const strayed = turns.find(({ server }) => server.cpus !== placement.servers);
  if (strayed !== undefined) {
    row.contradictions.push(
      `ran on CPU ${strayed.server.cpus}, the budget is ${placement.servers}`,
    );
  }
  // Half a tick of 10 ms at either edge of the shortest window is 2 %.
  if (row.cpusUsed !== null && row.cpusUsed > budget.length * 1.05) {
    row.contradictions.push(
      `used ${significant(row.cpusUsed)} CPUs, the budget is ${budget.length}: threads of a ring are charged too`,
    );
  }
}

function ringThreadWords(threads: readonly Turn['ringThreads'][number][]): string {
  const kinds = Map.groupBy(threads, ({ kind, cpus }) => `${kind} on CPU ${cpus}`);
  const words = [...kinds].map(
    ([kind, all]) => `${Math.max(...all.map(({ count }) => count))} ${kind}`,
  );
  return words.length === 0 ? 'none' : words.join(', ');
}
