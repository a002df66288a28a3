import { calm, worldOf } from '../machine.ts';

export const twoCpus = worldOf(
  {
    name: 'two-cpus',
    description: 'A process lands on a fast or a slow CPU when it starts, and stays there.',
  },
  {
    ...calm,
    placement: { slowShare: 0.5, factor: 1.06 },
  },
);
