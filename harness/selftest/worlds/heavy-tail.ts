import { calm, worldOf } from '../machine.ts';

export const heavyTail = worldOf(
  {
    name: 'heavy-tail',
    description:
      'One request in twenty is drawn from a tail so heavy that its variance is not finite.',
  },
  {
    ...calm,
    tailIndex: 1.4,
    process: { sd: 0.005, tailSd: 0.02 },
  },
);
