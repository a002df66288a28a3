import { autocannonCompare } from './autocannon-compare.ts';
import { benchstat } from './benchstat.ts';
import { githubActionBenchmark } from './github-action-benchmark.ts';
import { k6Threshold } from './k6-threshold.ts';
import { otava } from './otava.ts';
import type { Peer } from './peer.ts';
import { singleRun } from './single-run.ts';

export type { Metric, Peer } from './peer.ts';

/** Rules that others gate by, each measuring in its own way. */
export const peers: readonly Peer[] = [
  githubActionBenchmark,
  benchstat,
  autocannonCompare,
  k6Threshold,
  otava,
  singleRun,
];
