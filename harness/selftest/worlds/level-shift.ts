import { calm, worldOf } from '../machine.ts';

export const levelShift = worldOf(
  {
    name: 'level-shift',
    description:
      'Every two minutes or so a neighbour comes or goes, and everything costs more or less from then on.',
  },
  {
    ...calm,
    level: { sd: 0.15, meanMs: 120_000 },
    process: { sd: 0.005, tailSd: 0.01 },
  },
);
