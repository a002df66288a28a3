import { calm, worldOf } from '../machine.ts';

export const saturation = worldOf(
  {
    name: 'saturation',
    description:
      'Near its capacity: the queue makes more of every slowness, tails jump, and arms that share it blur.',
  },
  {
    ...calm,
    drift: { sd: 0.03, correlationMs: 10_000 },
    conditions: [
      { share: 0.15, meanMs: 300, factor: [1.1, 1.5], drawn: 'each-time', tailStretch: 1.3 },
    ],
    process: { sd: 0.005, tailSd: 0.02 },
    // M/M/1 at a load of 55 %: 1/(1−ρ) and, of a shared queue, 1 − (1−ρ)².
    queue: { amplification: 2.2, dilution: 0.8, designEffect: 5 },
  },
);
