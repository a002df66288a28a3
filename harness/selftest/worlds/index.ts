import type { World } from '../world.ts';
import { bursts } from './bursts.ts';
import { drift } from './drift.ts';
import { foreignLoad } from './foreign-load.ts';
import { heavyTail } from './heavy-tail.ts';
import { levelShift } from './level-shift.ts';
import { quiet } from './quiet.ts';
import { saturation } from './saturation.ts';
import { slotBias } from './slot-bias.ts';
import { twoCpus } from './two-cpus.ts';

/** In the order of the table that a reader gets: the harmless first, the real last. */
export const worlds: readonly World[] = [
  quiet,
  drift,
  levelShift,
  bursts,
  twoCpus,
  heavyTail,
  slotBias,
  saturation,
  foreignLoad,
];
