import { calm, worldOf } from '../machine.ts';

export const slotBias = worldOf(
  {
    name: 'slot-bias',
    description: 'One place in the order of the arms is slower by 1 to 2 %, whoever stands there.',
  },
  {
    ...calm,
    slotBias: [1.01, 1.02],
  },
);
