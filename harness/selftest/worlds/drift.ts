import { calm, worldOf } from '../machine.ts';

export const drift = worldOf(
  {
    name: 'drift',
    description:
      'The machine grows slower and faster by itself over many seconds, as clocks and neighbours do.',
  },
  {
    ...calm,
    drift: { sd: 0.08, correlationMs: 20_000 },
    process: { sd: 0.005, tailSd: 0.01 },
  },
);
