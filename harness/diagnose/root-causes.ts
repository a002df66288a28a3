import type { Observation } from '../analyze/observation.ts';
import type { Finding } from './finding.ts';
import { conclude, type RankedFinding, type Rule } from './rule.ts';
import { channelWait } from './rules/channel-wait.ts';
import { connectionReuse } from './rules/connection-reuse.ts';
import { cpuHog } from './rules/cpu-hog.ts';
import { cpuNeighbour } from './rules/cpu-neighbour.ts';
import { cpuThrottling } from './rules/cpu-throttling.ts';
import { descriptorLeak } from './rules/fd-leak.ts';
import { gcPressure } from './rules/gc-pressure.ts';
import { goroutineLeak } from './rules/goroutine-leak.ts';
import { lockConvoy } from './rules/lock-convoy.ts';
import { nagleDelayedAck } from './rules/nagle-delayed-ack.ts';
import { pinnedSockets } from './rules/pinned-sockets.ts';
import { retransmits } from './rules/retransmits.ts';
import { slowPeer } from './rules/slow-peer.ts';
import { slowStorage } from './rules/slow-storage.ts';
import { smallReads } from './rules/small-reads.ts';
import { smallWrites } from './rules/small-writes.ts';
import { spin } from './rules/spin.ts';
import { starvation } from './rules/starvation.ts';
import { synchronousDns } from './rules/synchronous-dns.ts';
import { timerStorm } from './rules/timer-storm.ts';
import { unreadCompletions } from './rules/unread-completions.ts';
import { unreturnedBuffers } from './rules/unreturned-buffers.ts';

/** Every rule; each has a file of its own. */
export const rules: readonly Rule[] = [
  descriptorLeak,
  goroutineLeak,
  connectionReuse,
  cpuThrottling,
  cpuNeighbour,
  spin,
  cpuHog,
  starvation,
  gcPressure,
  timerStorm,
  slowStorage,
  synchronousDns,
  slowPeer,
  lockConvoy,
  channelWait,
  smallWrites,
  smallReads,
  nagleDelayedAck,
  retransmits,
  pinnedSockets,
  unreturnedBuffers,
  unreadCompletions,
];

const order: readonly Finding['state'][] = ['confirmed', 'suspected', 'unknown', 'ruled-out'];

/**
 * What every rule makes of a process: root causes before what follows from them, the surest first, and
 * of those the one that explains most.
 */
export function rankCauses(seen: Observation, name: string): RankedFinding[] {
  const findings = rules.map((rule) => ({ rule, finding: conclude(rule, seen, name) }));
  const confirmed = new Set(
    findings.flatMap(({ finding }) => (finding.state === 'confirmed' ? finding.cause : [])),
  );
  return findings
    .map(({ rule, finding }) => {
      const cause = rule.follows?.find((each) => confirmed.has(each));
      return cause === undefined || !isSeen(finding)
        ? finding
        : { ...finding, consequenceOf: cause };
    })
    .sort(
      (a, b) =>
        order.indexOf(a.state) - order.indexOf(b.state) ||
        Number(a.consequenceOf !== undefined) - Number(b.consequenceOf !== undefined) ||
        b.weight - a.weight,
    );
}

function isSeen({ state }: Finding): boolean {
  return state === 'confirmed' || state === 'suspected';
}
