import type { ScenarioEvidence } from '../analyze/evidence.ts';
import { grown, type RoundView, viewRound } from '../analyze/round-values.ts';
import type { Evidence, Finding } from './finding.ts';

/** Descriptors of all observed windows of one variant, as both views tell it. */
export interface DescriptorBalance {
  requests: number;
  /** By kind, from eBPF; null where no window was probed. */
  opened: Record<string, number> | null;
  closed: Record<string, number> | null;
  leaked: Record<string, number> | null;
  /** Growth of /proc/PID/fd by kind over the same windows; null where it could not be read. */
  procGrowth: Record<string, number> | null;
}

/**
 * Fewer lost descriptors than this may be a connection of the server's own that lives on (a pool, a
 * log file); a leak grows with the requests.
 */
const fewestLeaked = 5;
const leastPerThousand = 0.5;
/** With fewer requests even a leak in every hundredth could stay below `fewestLeaked`. */
const fewestRequests = 1_000;
/** Both views must tell the same growth, give or take what the server's own housekeeping does. */
const agreementShare = 0.05;
const agreementFloor = 2;

/** Adds up the windows in which eBPF looked; without any, those in which /proc was read. */
export function descriptorBalance(evidence: ScenarioEvidence, variant: string): DescriptorBalance {
  const all = evidence.rounds.map((round) => viewRound(round, variant));
  const probed = all.filter((view) => view.probe?.descriptors);
  const views = probed.length > 0 ? probed : all;
  const growth = views.map(procGrowth);
  const fromProbe = (pick: (view: RoundView) => Record<string, number> | undefined) =>
    probed.length === 0 ? null : addCounts(probed.map((view) => pick(view) ?? {}));
  return {
    requests: views.reduce((sum, view) => sum + (view.observed?.completed ?? 0), 0),
    opened: fromProbe((view) => view.probe?.descriptors?.opened),
    closed: fromProbe((view) => view.probe?.descriptors?.closed),
    leaked: fromProbe((view) => view.probe?.descriptors?.openAtEnd),
    procGrowth: growth.some((counts) => counts === null)
      ? null
      : addCounts(growth.map((counts) => counts ?? {})),
  };
}

/** Descriptors that were opened for requests and never closed. */
export function findFdLeak(evidence: ScenarioEvidence, variant: string): Finding {
  const balance = descriptorBalance(evidence, variant);
  const kernel = balance.leaked && !lostEvents(evidence, variant) ? total(balance.leaked) : null;
  const proc = balance.procGrowth && total(balance.procGrowth);
  const seenBy = (count: number | null) =>
    count !== null &&
    count >= fewestLeaked &&
    perThousand(count, balance.requests) >= leastPerThousand;
  const common = { cause: 'fd-leak' as const, variant, evidence: evidenceOf(balance) };
  if (kernel !== null && seenBy(kernel) && proc !== null && agree(kernel, proc)) {
    return {
      ...common,
      state: 'confirmed',
      summary: `${perThousand(kernel, balance.requests).toFixed(1)} descriptors leaked per 1,000 requests (${kinds(balance.leaked, balance.requests)})`,
      remedy: 'close them on every path: defer resp.Body.Close(), conn.Close(), file.Close()',
    };
  }
  if (seenBy(kernel) || seenBy(proc)) {
    const remedy =
      kernel === null ? 'npm run doctor: eBPF would confirm or refute it' : 'repeat it';
    return { ...common, state: 'suspected', summary: disagreement(kernel, proc), remedy };
  }
  const requests = balance.requests.toLocaleString('en');
  if (kernel === null || proc === null || balance.requests < fewestRequests) {
    const views = kernel === null && proc === null ? 'no view' : 'one view alone';
    const summary =
      balance.requests < fewestRequests
        ? `${requests} requests are too few to see a leak`
        : `no leak seen, by ${views}`;
    return { ...common, state: 'unknown', summary, remedy: 'npm run doctor names what is missing' };
  }
  const summary = `no descriptor leaked in ${requests} requests`;
  return { ...common, state: 'ruled-out', summary, remedy: '' };
}

/** Whether netprobe lost events that would make its balance too small. */
function lostEvents(evidence: ScenarioEvidence, variant: string): boolean {
  return evidence.rounds.some((round) => {
    const lost = viewRound(round, variant).probe?.lost ?? {};
    return (lost['fdMapFull'] ?? 0) + (lost['threadStateFull'] ?? 0) > 0;
  });
}

function evidenceOf(balance: DescriptorBalance): Evidence[] {
  const evidence: Evidence[] = [];
  const requests = balance.requests.toLocaleString('en');
  if (balance.leaked && balance.opened && balance.closed) {
    evidence.push({
      view: 'kernel',
      source: 'eBPF, open and close balance',
      says: `${total(balance.opened)} opened, ${total(balance.closed)} of them closed, ${total(balance.leaked)} still open after ${requests} requests (${kinds(balance.leaked, balance.requests)})`,
    });
  }
  if (balance.procGrowth) {
    evidence.push({
      view: 'proc',
      source: '/proc/PID/fd',
      says: `${signed(total(balance.procGrowth))} descriptors over the same windows (${kinds(balance.procGrowth, balance.requests)})`,
    });
  }
  return evidence;
}

function disagreement(kernel: number | null, proc: number | null): string {
  const say = (count: number | null, view: string) =>
    count === null ? `${view} could not look` : `${view} counts ${count}`;
  return `leaked descriptors: ${say(kernel, 'eBPF')}, ${say(proc, '/proc')}`;
}

function agree(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(agreementFloor, agreementShare * Math.max(a, b));
}

function procGrowth(view: RoundView): Record<string, number> | null {
  const names = [view.observedEdges?.begin, view.observedEdges?.end].flatMap((snapshot) =>
    Object.keys(snapshot?.proc.openFds ?? {}),
  );
  const growth: Record<string, number> = {};
  for (const name of new Set(names)) {
    const grew = grown(view.observedEdges, ({ proc }) => proc.openFds && (proc.openFds[name] ?? 0));
    if (grew === null) {
      return null;
    }
    growth[name] = grew;
  }
  return names.length === 0 ? null : growth;
}

function addCounts(all: readonly Record<string, number>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [kind, count] of all.flatMap((counts) => Object.entries(counts))) {
    sum[kind] = (sum[kind] ?? 0) + count;
  }
  return sum;
}

function total(counts: Record<string, number>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function perThousand(count: number, requests: number): number {
  return requests === 0 ? 0 : (count * 1000) / requests;
}

function kinds(counts: Record<string, number> | null, requests: number): string {
  const parts = Object.entries(counts ?? {})
    .filter(([, count]) => count !== 0)
    .map(([kind, count]) => `${kind} ${perThousand(count, requests).toFixed(1)}`);
  return parts.length === 0 ? 'none of any kind' : `per 1,000: ${parts.join(', ')}`;
}

function signed(count: number): string {
  return count > 0 ? `+${count}` : String(count);
}
