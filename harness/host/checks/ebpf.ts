import {
  findNetprobeAccess,
  isPrivileged,
  type NetprobeAccess,
  type NetprobeCapability,
} from '../netprobe-access.ts';
import { degraded, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { buildCommand } from './remedy.ts';

/** What netprobe measures, in the words of reports; several metrics may share one. */
const metricWords: Record<string, string> = {
  wakeupNs: 'wake-up latency',
  netpollBlockedNs: 'time in the netpoller',
  netpollPollNs: 'time in the netpoller',
  netpollReadyEvents: 'events per poll',
  syscalls: 'system-call counts',
  readNs: 'read and write latency',
  writeNs: 'read and write latency',
  descriptors: 'descriptor balance',
};

/** All that is lost without eBPF. */
export const ebpfLost = [`${[...new Set(Object.values(metricWords))].join(', ')} (eBPF)`];

/** The probes: netprobe attaches one program of each kind to itself and provokes an event. */
export const ebpf: Prerequisite = {
  id: 'ebpf',
  title: 'eBPF probes',
  lost: ebpfLost,
  inspect: buildCommand,
  async look({ netprobe, signal }) {
    const access = await findNetprobeAccess(netprobe, signal);
    if (access === undefined) {
      const loss = { lost: ebpfLost, remedy: buildCommand };
      return degraded('netprobe is not built yet: npm run bench builds it', loss);
    }
    return judgeEbpf(access);
  },
};

export function judgeEbpf({ capabilities, command, refusal }: NetprobeAccess): Outcome {
  const harmful = capabilities.filter(({ lostMetrics }) => lostMetrics.length > 0);
  const first = harmful[0];
  if (first === undefined) {
    const attached = capabilities.filter(({ ok }) => ok).map(({ capability }) => capability);
    const through = command[0] === 'sudo' ? ' through sudo' : '';
    return ok(`${attached.filter((name) => attachable.has(name)).join(', ')} attached${through}`);
  }
  const lost = [`${lostWords(harmful)} (eBPF)`];
  const subject = isPrivileged(capabilities) ? `${first.capability}: ` : '';
  const seen = [`${subject}${reasonOf(first)}`, refusal].filter((text) => text !== '').join('; ');
  return degraded(seen, { lost, remedy: first.remedy });
}

const attachable = new Set(['tp_btf', 'uprobe_multi', 'perf_uprobe']);

/** netprobe puts the remedy behind a semicolon; here it has a place of its own. */
function reasonOf({ error }: NetprobeCapability): string {
  return error.split('; ')[0] ?? error;
}

function lostWords(capabilities: readonly NetprobeCapability[]): string {
  const names = capabilities.flatMap(({ lostMetrics }) => lostMetrics);
  return [...new Set(names.map((name) => metricWords[name] ?? name))].join(', ');
}
