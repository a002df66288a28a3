import { calm, type MachineSpec, worldOf } from '../machine.ts';

/**
 * Fitted to real rounds of a shared two-core virtual machine with foreign load, 34 per design; the
 * figures, and how near this comes to them, stand in the test of the machine.
 */
export const foreignLoadSpec: MachineSpec = {
  ...calm,
  // Of the fit: with less, mixed requests would scatter less than they really did.
  bodySd: 0.45,
  drift: { sd: 0.04, correlationMs: 8_000 },
  conditions: [
    // Another program that computes half of the time on every core.
    { share: 0.5, meanMs: 100, factor: [1.05, 1.22], drawn: 'each-time', tailStretch: 1.1 },
    { share: 0.01, meanMs: 100, factor: [3, 6], drawn: 'each-time' },
    // Neighbours of the virtual machine: storms of seconds, each slice hit as luck will have it,
    { share: 0.08, meanMs: 3_000, factor: [1, 50], drawn: 'each-step', tailStretch: 1.2 },
    // and stalls so short that they hit one arm.
    { share: 0.0015, meanMs: 60, factor: [10, 60], drawn: 'each-time' },
  ],
  process: { sd: 0.004, tailSd: 0.01 },
  daySd: 0.05,
};

export const foreignLoad = worldOf(
  {
    name: 'foreign-load',
    description:
      'A shared virtual machine: a hog on half of every core, bursts, stalls, and storms of seconds.',
  },
  foreignLoadSpec,
);
