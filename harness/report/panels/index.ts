import type { Panel, RunPanel } from '../content.ts';
import { agreements } from './agreements.ts';
import { closedLoop } from './closed-loop.ts';
import { comparisons } from './comparisons.ts';
import { connections } from './connections.ts';
import { descriptors } from './descriptors.ts';
import { distributions } from './distributions.ts';
import { findings } from './findings.ts';
import { flames } from './flames.ts';
import { functions } from './functions.ts';
import { generator } from './generator.ts';
import { goroutines } from './goroutines.ts';
import { heatMaps } from './heat-maps.ts';
import { host } from './host.ts';
import { latency } from './latency.ts';
import { lost } from './lost.ts';
import { observerCost } from './observer-cost.ts';
import { reproduce } from './reproduce.ts';
import { rounds } from './rounds.ts';
import { servers } from './servers.ts';
import { traces } from './traces.ts';
import { verdicts } from './verdicts.ts';

/** The panels of a scenario in the order of the page: what was found, why, how far to trust it. */
export const scenarioPanels: readonly Panel[] = [
  findings,
  comparisons,
  latency,
  rounds,
  distributions,
  heatMaps,
  traces,
  functions,
  flames,
  descriptors,
  connections,
  goroutines,
  closedLoop,
  agreements,
  observerCost,
  generator,
  servers,
];

/** Panels about the whole run that stand before the scenarios. */
export const leadingPanels: readonly RunPanel[] = [verdicts, lost];

/** Panels about the whole run that stand after the scenarios. */
export const closingPanels: readonly RunPanel[] = [host, reproduce];
