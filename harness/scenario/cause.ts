/** The root causes that the rules of harness/diagnose/ can find in a process. */
export const causes = [
  'fd-leak',
  'connection-reuse',
  'goroutine-leak',
  'channel-wait',
  'lock-convoy',
  'spin',
  'cpu-hog',
  'starvation',
  'cpu-throttling',
  'cpu-neighbour',
  'slow-storage',
  'slow-peer',
  'synchronous-dns',
  'gc-pressure',
  'timer-storm',
  'small-writes',
  'small-reads',
  'nagle-delayed-ack',
  'retransmits',
  'pinned-sockets',
  'unreturned-buffers',
  'unread-completions',
] as const;

export type Cause = (typeof causes)[number];

/** Those that are looked for in the rounds of a suite, so that a scenario can expect them. */
export const suiteCauses = ['fd-leak'] as const satisfies readonly Cause[];

export function isSuiteCause(name: string): boolean {
  return (suiteCauses as readonly string[]).includes(name);
}
