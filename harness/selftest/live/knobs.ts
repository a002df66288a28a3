/** What a live trial turns at the head, whose code is the base's. */
export interface Knob {
  name: string;
  /** What it does, for the docs. */
  description: string;
  /** Arguments of the fixture; none: equal programs. */
  args: readonly string[];
  /** Ids of the scenarios whose fixtures have it; undefined: all that have a gate. */
  scenarios?: readonly string[];
}

const withKnobs = ['hello-http', 'block-4k'];

/** By `--knob-…` of go-fixtures/internal/knob, and `--leak-every` of fd-leak. */
export const knobs: readonly Knob[] = [
  { name: 'none', description: 'equal programs', args: [] },
  {
    name: 'spin',
    description: '700 dependent integer steps more in each request',
    args: ['--knob-spin=700'],
    scenarios: withKnobs,
  },
  {
    name: 'tail',
    description: 'every 50th request sleeps for 2 ms',
    args: ['--knob-tail-every=50', '--knob-tail-sleep=2ms'],
    scenarios: withKnobs,
  },
  {
    name: 'allocs',
    description: 'an object of 64 bytes more allocated in each request',
    args: ['--knob-allocs=1'],
    scenarios: withKnobs,
  },
  {
    name: 'leak',
    description:
      'every 1,000th request leaves a connection and a file open; nothing that the gate is given a limit for',
    args: ['--leak-every=1000'],
    scenarios: ['http-upstream'],
  },
];

/** Both kinds of machine that a live trial can have. */
export const liveWorlds = ['quiet', 'foreign'] as const;
export type LiveWorld = (typeof liveWorlds)[number];
