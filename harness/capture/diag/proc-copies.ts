import { readFile } from 'node:fs/promises';
import { descriptorKind, parseCalls, parseCpuNs } from '../proc.ts';
import { diagFiles, type Edge } from './record.ts';

/** What the kernel said of a process at one edge of the window, from copies of files in /proc. */
export interface ProcSnapshot {
  /** Since boot; resolution 10 ms. */
  uptimeNs: number;
  /** User and system time of all threads. */
  cpuNs: number;
  minorFaults: number;
  residentBytes: number;
  threads: Thread[];
  /** By what the descriptor points to; null where /proc/PID/fd could not be read. */
  descriptors: Record<string, number> | null;
  sockets: SocketCounts;
  /** Its io_uring instances; null where the snapshot does not tell of them. */
  rings: Ring[] | null;
  /** Of its network namespace: `Tcp.RetransSegs`, `TcpExt.DelayedACKs`, … */
  network: Record<string, number>;
  readCalls: number | null;
  writeCalls: number | null;
  /** Handed over by read calls, and to write calls; null where /proc/PID/io could not be read. */
  readBytes: number | null;
  writtenBytes: number | null;
  host: HostSnapshot;
  /** Its cgroup and those above it that have a CPU limit, the nearest first. */
  cpuLimits: CpuLimit[];
}

interface Thread {
  id: number;
  /** `R`, `S`, `D`, … */
  state: string;
  runNs: number;
  /** In a run queue of the kernel. */
  waitNs: number;
}

/** One io_uring instance, from /proc/PID/fdinfo (fs/io_uring/fdinfo.c of the kernel). */
interface Ring {
  /** Polls that are armed, on whatever: of sockets that the process has closed as well. */
  armedPolls: number;
  /** Completions that found the queue full and wait in the kernel until the process makes room. */
  overflown: number;
}

/** TCP sockets of the process's network namespace. */
interface SocketCounts {
  /** Sockets whose peer has closed and whom this process still holds. */
  closeWait: number;
  established: number;
  listening: number;
  /** Established ones that it made itself, by the peer's address and port in hexadecimal. */
  toPeers: Record<string, number>;
  /** Of the established: with bytes that the process has not read. */
  unread: number;
  /**
   * Connections of its listening ports of which no descriptor is left in this process, though they live
   * on; another process may hold them.
   */
  withoutDescriptor: number;
}

interface HostSnapshot {
  cpus: number;
  idleNs: number;
  stealNs: number;
  /** CPU time by process, for telling who else ran. */
  processes: { pid: number; name: string; cpuNs: number }[];
}

interface CpuLimit {
  group: string;
  /** CPUs' worth of time; null without a limit. */
  cpus: number | null;
  throttledPeriods: number;
  periods: number;
  throttledNs: number;
}

/** @returns null where the snapshot was not taken, or not wholly */
export async function readProcSnapshot(dir: string, edge: Edge): Promise<ProcSnapshot | null> {
  const read = (name: string) =>
    readFile(diagFiles.proc(dir, edge, name), 'utf8').catch(() => undefined);
  const [uptime, stat, status, fds, tasks] = await Promise.all(
    ['uptime', 'stat', 'status', 'fds', 'tasks'].map(read),
  );
  if (uptime === undefined || stat === undefined || status === undefined) {
    return null;
  }
  const ticks = Number((await readFile(diagFiles.ticksPerSecond(dir), 'utf8')).trim());
  const io = (await read('io')) ?? '';
  const links = parseDescriptors(fds ?? '');
  return {
    uptimeNs: Number(uptime.split(' ')[0]) * 1e9,
    cpuNs: (parseCpuNs(stat) * 100) / ticks,
    minorFaults: Number(afterName(stat)[7]),
    residentBytes: Number(/^VmRSS:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024,
    threads: parseThreads(tasks ?? ''),
    descriptors: links.length === 0 ? null : countKinds(links),
    sockets: countSockets((await read('sockets')) ?? '', links),
    rings: parseRings(await read('rings')),
    network: {
      ...parseNetCounters((await read('snmp')) ?? ''),
      ...parseNetCounters((await read('netstat')) ?? ''),
    },
    ...parseCalls(io),
    readBytes: countIn(io, /^rchar: (\d+)$/m),
    writtenBytes: countIn(io, /^wchar: (\d+)$/m),
    host: parseHost((await read('host-stat')) ?? '', (await read('processes')) ?? '', ticks),
    cpuLimits: parseCpuLimits((await read('cgroup-cpu')) ?? ''),
  };
}

function countIn(text: string, pattern: RegExp): number | null {
  const found = pattern.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

/** Fields of /proc/PID/stat after the name in brackets, which may hold anything. */
function afterName(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Targets of the links in /proc/PID/fd, from lines `number target`. */
function parseDescriptors(text: string): string[] {
  return lines(text).map((line) => line.slice(line.indexOf(' ') + 1));
}

function countKinds(targets: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const target of targets) {
    const kind = descriptorKind(target);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function parseThreads(text: string): Thread[] {
  return lines(text).map((line) => {
    const [id, run, wait, , state = '?'] = line.split(' ');
    return { id: Number(id), state, runNs: Number(run), waitNs: Number(wait) };
  });
}

/** Lines `local remote state queues inode` of /proc/PID/net/tcp and tcp6 (proc_pid_net(5)). */
function countSockets(text: string, links: readonly string[]): SocketCounts {
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]/.exec(link)?.[1]));
  const own = lines(text)
    .map((line) => line.split(' '))
    .filter(([, , , , inode]) => inodes.has(inode));
  const inState = (wanted: string) => own.filter(([, , state]) => state === wanted);
  const portOf = (address = '') => address.slice(address.indexOf(':') + 1);
  const served = new Set(inState('0A').map(([local]) => portOf(local)));
  // Established, or closed by the peer alone. Inode 0: closed by its process and ending by itself.
  const astray = lines(text)
    .map((line) => line.split(' '))
    .filter(([local, , state = '', , inode]) => {
      const lives = state === '01' || state === '08';
      return lives && served.has(portOf(local)) && inode !== '0' && !inodes.has(inode);
    });
  const toPeers: Record<string, number> = {};
  for (const [local, remote = ''] of inState('01')) {
    if (!served.has(portOf(local))) {
      toPeers[remote] = (toPeers[remote] ?? 0) + 1;
    }
  }
  return {
    closeWait: inState('08').length,
    established: inState('01').length,
    listening: inState('0A').length,
    toPeers,
    unread: inState('01').filter(([, , , queues = '']) => !queues.endsWith(':00000000')).length,
    withoutDescriptor: astray.length,
  };
}

/** A line `polls overflown` for each ring. */
function parseRings(text: string | undefined): Ring[] | null {
  if (text === undefined) {
    return null;
  }
  return lines(text).map((line) => {
    const [polls, overflown] = line.split(' ');
    return { armedPolls: Number(polls), overflown: Number(overflown) };
  });
}

/** Pairs of lines `Tcp: names…`, `Tcp: values…` as in /proc/net/snmp and netstat. */
function parseNetCounters(text: string): Record<string, number> {
  const counters: Record<string, number> = {};
  const all = lines(text);
  for (let i = 0; i + 1 < all.length; i += 2) {
    const [group, ...names] = (all[i] ?? '').split(' ');
    const [, ...values] = (all[i + 1] ?? '').split(' ');
    names.forEach((name, at) => {
      counters[`${group?.replace(':', '')}.${name}`] = Number(values[at]);
    });
  }
  return counters;
}

function parseHost(stat: string, processes: string, ticks: number): HostSnapshot {
  const all = lines(stat);
  const fields = (all.find((line) => line.startsWith('cpu ')) ?? '').split(/\s+/).map(Number);
  const ns = (count: number | undefined) => ((count ?? 0) * 1e9) / ticks;
  return {
    cpus: all.filter((line) => /^cpu\d/.test(line)).length,
    idleNs: ns((fields[4] ?? 0) + (fields[5] ?? 0)),
    stealNs: ns(fields[8]),
    processes: lines(processes).map((line) => {
      const [pid, cpu, ...name] = line.split(' ');
      return { pid: Number(pid), name: name.join(' '), cpuNs: ns(Number(cpu)) };
    }),
  };
}

/** A line `group quota period`, then the indented lines of its cpu.stat. */
function parseCpuLimits(text: string): CpuLimit[] {
  const limits: CpuLimit[] = [];
  for (const line of lines(text)) {
    const stat = /^ {2}(\w+) (\d+)$/.exec(line);
    const last = limits.at(-1);
    if (stat === null) {
      const [group = '', quota = 'max', period = '100000'] = line.split(' ');
      const cpus = quota === 'max' ? null : Number(quota) / Number(period);
      limits.push({ group, cpus, throttledPeriods: 0, periods: 0, throttledNs: 0 });
    } else if (last !== undefined) {
      const value = Number(stat[2]);
      last.periods = stat[1] === 'nr_periods' ? value : last.periods;
      last.throttledPeriods = stat[1] === 'nr_throttled' ? value : last.throttledPeriods;
      last.throttledNs = stat[1] === 'throttled_usec' ? value * 1000 : last.throttledNs;
    }
  }
  return limits;
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
