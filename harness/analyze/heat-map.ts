import { HeatmapDetails } from '../capture/probes/heatmap.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { probeDetails } from './probe-details.ts';

/** Pairs of values that came together, counted in cells. */
export interface HeatMap {
  variant: string;
  /** What lies on the x axis: how long the poll's loop had lasted, in ns, or how many it had found. */
  by: 'loop' | 'ready';
  /** Each power of two is cut into so many cells, on both axes. */
  subSteps: number;
  /** By x, then by wake-up delay, rising; a value is the least of its cell. */
  cells: { x: number; wakeupNs: number; count: number }[];
  /** Wake-ups that are in no cell, since their poll is not known. */
  left: number;
}

/** What long wake-ups came together with, in the observed windows of all rounds. */
export function heatMapsOf(evidence: ScenarioEvidence): HeatMap[] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) => {
    const taken = probeDetails(evidence, variant, ['heatmap', HeatmapDetails]);
    const [first] = taken;
    if (first === undefined) {
      return [];
    }
    const left = taken.reduce((sum, { withoutLoop }) => sum + withoutLoop, 0);
    const common = { variant, subSteps: first.subSteps, left };
    const loops = taken.flatMap(({ loopByWakeup }) =>
      loopByWakeup.map(({ loopNs, wakeupNs, count }) => ({ x: loopNs, wakeupNs, count })),
    );
    const batches = taken.flatMap(({ readyByWakeup }) =>
      readyByWakeup.map(({ readyCount, wakeupNs, count }) => ({ x: readyCount, wakeupNs, count })),
    );
    return [
      { ...common, by: 'loop' as const, cells: merge(loops) },
      { ...common, by: 'ready' as const, cells: merge(batches) },
    ].filter(({ cells }) => cells.length > 0);
  });
}

function merge(cells: HeatMap['cells']): HeatMap['cells'] {
  const groups = Map.groupBy(cells, ({ x, wakeupNs }) => `${x} ${wakeupNs}`);
  return [...groups.values()]
    .map((same) => ({
      ...(same[0] as HeatMap['cells'][number]),
      count: same.reduce((sum, { count }) => sum + count, 0),
    }))
    .sort((a, b) => a.x - b.x || a.wakeupNs - b.wakeupNs);
}

/** Where a cell ends: the least value of the next one. */
export function cellEnd(from: number, subSteps: number): number {
  return from < subSteps ? from + 1 : from + 2 ** Math.floor(Math.log2(from)) / subSteps;
}
