import { readFile } from 'node:fs/promises';
import { missing, type Outcome, ok, type Prerequisite } from './prerequisite.ts';
import { asRoot } from './remedy.ts';

/** Ports that outgoing connections may use: each connection to one server takes one. */
export const ports: Prerequisite = {
  id: 'ports',
  title: 'Local ports',
  lost: ['scenarios with many connections'],
  inspect: 'sysctl net.ipv4.ip_local_port_range',
  async look({ neededPorts }) {
    const range = await readFile('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
    return judgePorts(range, neededPorts);
  },
};

/** Judges the text of ip_local_port_range: first and last port. */
export function judgePorts(range: string, needed: number): Outcome {
  const [first = 0, last = -1] = range.trim().split(/\s+/).map(Number);
  const count = last - first + 1;
  const seen = `${count} (${first} to ${last}), ${needed} needed`;
  if (count >= needed) {
    return ok(seen);
  }
  return missing(seen, {
    lost: [`scenarios with more than ${count} connections to one server`],
    remedy: asRoot('sysctl -w net.ipv4.ip_local_port_range="32768 60999"'),
  });
}
