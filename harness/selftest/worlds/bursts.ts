import { calm, worldOf } from '../machine.ts';

export const bursts = worldOf(
  {
    name: 'bursts',
    description:
      'For 4 % of the time, a fifth of a second at once, everything takes three to six times as long.',
  },
  {
    ...calm,
    conditions: [{ share: 0.04, meanMs: 200, factor: [3, 6], drawn: 'each-time' }],
    process: { sd: 0.005, tailSd: 0.01 },
  },
);
