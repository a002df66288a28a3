import { mostRounds, roundMs } from '../gate/design.ts';
import { clopperPearsonUpper } from '../stats/clopper-pearson.ts';
import { percent } from './markdown.ts';
import type { SimulatedMetric } from './our-gate.ts';
import type { Change, MetricTally, Trial } from './trials.ts';

/** What the gate promises, and what the simulation has shown of it. */
export interface SelftestTarget {
  name: string;
  goal: string;
  seen: string;
  met: boolean;
}

/** @param trials of our gate, every world with every change */
export function judgeTargets(trials: readonly Trial[]): SelftestTarget[] {
  const of = (world: string, change: Change) => {
    const found = trials.find((trial) => trial.world === world && trial.change === change);
    if (found === undefined) {
      throw new Error(`no trial of ${world} with ${change}`);
    }
    return found;
  };
  const found = (world: string, change: Change, metric: SimulatedMetric) =>
    foundShare(of(world, change).metrics[metric]);
  return [
    falseReds(trials.filter(({ change }) => change === 'none')),
    atLeast('p50 +8 %, limit 3 %, foreign load', 0.99, found('foreign-load', 'clear', 'p50')),
    atLeast(
      'p50 +5 %, limit 3 %, quiet, within 40 s of load',
      0.95,
      soonShare(of('quiet', 'noticeable').metrics.p50),
    ),
    atLeast(
      'p99 +30 %, limit 10 %, foreign load',
      0.95,
      found('foreign-load', 'noticeable', 'p99'),
    ),
    atLeast('p99 +50 %, limit 10 %, foreign load', 0.99, found('foreign-load', 'clear', 'p99')),
    atLeast('CPU +4 %, limit 2 %, foreign load', 0.99, found('foreign-load', 'noticeable', 'cpu')),
    wrongPasses(trials.filter(({ change }) => change === 'twice the limit')),
    coverage(trials),
    clearCases(of('quiet', 'none'), of('quiet', 'clear')),
    unmeasurable(of('quiet', 'none')),
  ];
}

export function foundShare({ outcomes, decisions }: MetricTally): number {
  return outcomes.regressed / decisions;
}

export function passShare({ outcomes, decisions }: MetricTally): number {
  return (outcomes.pass + outcomes.improved) / decisions;
}

function soonShare({ soon, decisions }: MetricTally): number {
  return soon / decisions;
}

function atLeast(name: string, share: number, seen: number): SelftestTarget {
  return { name, goal: `found ≥ ${percent(share)}`, seen: percent(seen), met: seen >= share };
}

function falseReds(trials: readonly Trial[]): SelftestTarget {
  const most = 0.005;
  const pulls = trials.reduce((sum, trial) => sum + trial.pulls, 0);
  const red = trials.reduce((sum, trial) => sum + trial.redPulls, 0);
  const worst = trials.toSorted((a, b) => b.redPulls / b.pulls - a.redPulls / a.pulls)[0];
  const most95 = worst ? clopperPearsonUpper(worst.redPulls, worst.pulls, 0.95) : 1;
  return {
    name: 'false red per pull request of three scenarios, all worlds',
    goal: `≤ ${percent(most)}, in each world`,
    seen: `${red} of ${pulls}; worst world ${worst?.redPulls} of ${worst?.pulls} (95 % bound ${percent(most95)})`,
    met: most95 <= most,
  };
}

function wrongPasses(trials: readonly Trial[]): SelftestTarget {
  const most = 0.005;
  const tallies = trials.flatMap(({ metrics }) => Object.values(metrics));
  const worst = Math.max(...tallies.map(passShare));
  return {
    name: 'twice the limit reported as pass, all worlds',
    goal: `≤ ${percent(most)} of each metric`,
    seen: `worst ${percent(worst)}`,
    met: worst <= most,
  };
}

function coverage(trials: readonly Trial[]): SelftestTarget {
  const shares = [...Map.groupBy(trials, ({ world }) => world)].flatMap(([world, own]) =>
    (['p50', 'p99', 'cpu'] as const).map((metric) => {
      const tallies = own.map(({ metrics }) => metrics[metric]);
      const covered = tallies.reduce((sum, tally) => sum + tally.covered, 0);
      const decisions = tallies.reduce((sum, tally) => sum + tally.decisions, 0);
      return { where: `${world} ${metric}`, share: covered / decisions };
    }),
  );
  const low = shares.toSorted((a, b) => a.share - b.share);
  const [least, most] = [low[0], low.at(-1)];
  return {
    name: 'printed 95 % intervals hold the true change',
    goal: '94 to 97 % of each metric in each world',
    seen: `${percent(least?.share ?? 0)} (${least?.where}) to ${percent(most?.share ?? 0)} (${most?.where})`,
    met: (least?.share ?? 0) >= 0.94 && (most?.share ?? 1) <= 0.97,
  };
}

function clearCases(...trials: readonly Trial[]): SelftestTarget {
  const worst = Math.max(...trials.map(meanRounds)) / mostRounds;
  return {
    name: 'clear cases on a quiet machine: share of the cap, until the last metric is decided',
    goal: '≤ 40 %',
    seen: `${percent(worst)} (${((worst * mostRounds * roundMs) / 1000).toFixed(0)} s of load)`,
    met: worst <= 0.4,
  };
}

/** Of a scenario, until its last metric is decided. */
export function meanRounds({ rounds, metrics }: Trial): number {
  return rounds / metrics.p50.decisions;
}

function unmeasurable({ metrics }: Trial): SelftestTarget {
  const worst = Math.max(
    ...Object.values(metrics).map(({ outcomes, decisions }) => outcomes.unmeasurable / decisions),
  );
  return {
    name: 'unmeasurable on a quiet machine',
    goal: '≤ 3 %',
    seen: `worst metric ${percent(worst)}`,
    met: worst <= 0.03,
  };
}
