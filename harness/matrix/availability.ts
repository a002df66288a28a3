import { judgeFdLimit } from '../host/checks/fd-limit.ts';
import { judgePorts } from '../host/checks/ports.ts';
import type { Check } from '../host/host.ts';
import { groupName, type MatrixPlan } from './plan.ts';
import type { Untestable } from './record.ts';

/** Descriptors and ports beside the connections of a turn. */
const margin = 256;

/** What the kernel says of its limits. */
export interface Limits {
  /** Text of /proc/self/limits. */
  files: string;
  /** Text of /proc/sys/net/ipv4/ip_local_port_range. */
  ports: string;
}

/**
 * What cannot be tested on this machine: servers on io_uring where the kernel refuses a ring, groups
 * with more connections than descriptors or ports.
 * @returns by «matrix/server» and by group
 */
export function findUntestable(
  plans: readonly MatrixPlan[],
  checks: readonly Check[],
  limits: Limits,
): Record<string, Untestable> {
  const found: Record<string, Untestable> = {};
  const refusal = checks.find(({ id, state }) => id === 'io-uring' && state !== 'ok');
  for (const { id, description, groups } of plans) {
    for (const [name, { netpoller, polls = netpoller }] of Object.entries(description.servers)) {
      if (refusal !== undefined && [netpoller, polls].includes('io_uring')) {
        found[`${id}/${name}`] = { reason: `io_uring: ${refusal.seen}`, remedy: refusal.remedy };
      }
    }
    for (const group of groups) {
      const short = shortage(group.connections + margin, limits);
      if (short !== undefined) {
        found[groupName(group)] = short;
      }
    }
  }
  return found;
}

function shortage(needed: number, { files, ports }: Limits): Untestable | undefined {
  const outcomes = [judgeFdLimit(files, needed), judgePorts(ports, needed)];
  const short = outcomes.find(({ state }) => state === 'missing');
  return short && { reason: short.seen, remedy: short.remedy };
}
