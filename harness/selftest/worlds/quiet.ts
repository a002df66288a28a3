import { calm, worldOf } from '../machine.ts';

export const quiet = worldOf(
  {
    name: 'quiet',
    description: 'A machine of one’s own: hardly any drift, and a short disturbance now and then.',
  },
  {
    ...calm,
    conditions: [{ share: 0.005, meanMs: 100, factor: [1.2, 2], drawn: 'each-time' }],
  },
);
