import type { Tool } from '../tool.ts';
import { autocannon, autocannonEvents } from './autocannon.ts';
import { bombardier } from './bombardier.ts';
import { fortio } from './fortio.ts';
import { hey } from './hey.ts';
import { k6 } from './k6.ts';
import { oha } from './oha.ts';
import { ours } from './ours.ts';
import { vegeta } from './vegeta.ts';
import { wrk } from './wrk.ts';

/** Every generator of the table, in its order. */
export const allTools: readonly Tool[] = [
  ours,
  wrk,
  autocannonEvents,
  autocannon,
  hey,
  bombardier,
  oha,
  fortio,
  vegeta,
  k6,
];
