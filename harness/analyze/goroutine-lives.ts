import { GoroutinesDetails } from '../capture/probes/goroutines.ts';
import type { ScenarioEvidence } from './evidence.ts';
import { probeDetails } from './probe-details.ts';

/** Births and deaths of goroutines in the observed windows of all rounds. */
export interface GoroutineLives {
  variant: string;
  births: number;
  deaths: number;
  /** Alive at the end of the last window; null where that could not be read. */
  live: number | null;
  /** In the runtime's own words, at the end of the last window; the most frequent first. */
  waits: { reason: string; count: number }[];
  /** Alive, old, and of a go statement that grows throughout a window; summed over the rounds. */
  leakCandidates: number;
  /** Where most goroutines come from. */
  sites: { place: string; start: string; births: number; live: number; candidates: number }[];
}

const mostSites = 10;

export function goroutineLivesOf(evidence: ScenarioEvidence): GoroutineLives[] {
  return Object.keys(evidence.plan.scenario.variants).flatMap((variant) => {
    const rounds = probeDetails(evidence, variant, ['goroutines', GoroutinesDetails]);
    const last = rounds.at(-1);
    if (last === undefined) {
      return [];
    }
    const sum = (count: (details: GoroutinesDetails) => number) =>
      rounds.reduce((total, details) => total + count(details), 0);
    return [
      {
        variant,
        births: sum(({ births }) => births),
        deaths: sum(({ deaths }) => deaths),
        live: last.atEnd?.live ?? null,
        waits: Object.entries(last.atEnd?.byWaitReason ?? {})
          .map(([reason, count]) => ({ reason, count }))
          .sort((a, b) => b.count - a.count),
        leakCandidates: sum(({ leakCandidates }) => leakCandidates),
        sites: sitesOf(rounds),
      },
    ];
  });
}

function sitesOf(rounds: readonly GoroutinesDetails[]): GoroutineLives['sites'] {
  const all = rounds.flatMap(({ sites }) =>
    sites.map((site) => ({
      ...site,
      place: `${site.goStatement.function}:${site.goStatement.line}`,
    })),
  );
  return [...Map.groupBy(all, ({ place, start }) => `${place} ${start.function}`).values()]
    .map((same) => ({
      place: same[0]?.place ?? '',
      start: same[0]?.start.function ?? '',
      births: same.reduce((total, { births }) => total + births, 0),
      live: same.at(-1)?.liveAtEnd ?? 0,
      candidates: same.reduce((total, { leakCandidates }) => total + leakCandidates, 0),
    }))
    .sort((a, b) => b.births - a.births)
    .slice(0, mostSites);
}
