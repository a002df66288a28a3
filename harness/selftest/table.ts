import { mostRounds, roundMs } from '../gate/design.ts';
import { percent, table } from './markdown.ts';
import type { Peer } from './peers/index.ts';
import { foundShare, meanRounds, passShare, type SelftestTarget } from './targets.ts';
import type { Change, PeerTrial, Trial } from './trials.ts';
import type { World } from './world.ts';

/** Everything that a selftest has shown; the tables are a function of it. */
export interface Selftest {
  worlds: readonly World[];
  peers: readonly Peer[];
  trials: readonly Trial[];
  peerTrials: readonly PeerTrial[];
  targets: readonly SelftestTarget[];
}

/** The tables of docs/statistics.md, in Markdown. */
export function renderSelftest(selftest: Selftest): string {
  return [
    renderTargets(selftest.targets),
    renderOurs(selftest),
    renderPeers(selftest),
    renderWorlds(selftest.worlds),
  ].join('\n\n');
}

function renderTargets(targets: readonly SelftestTarget[]): string {
  const rows = targets.map(({ name, goal, seen, met }) => [
    name,
    goal,
    seen,
    met ? 'met' : '**not met**',
  ]);
  return table(['promise', 'goal', 'simulated', ''], rows);
}

/** Per world: false reds and passes of equal code, what is found of changes, and how soon. */
function renderOurs({ worlds, trials }: Selftest): string {
  const rows = worlds.map(({ name }) => {
    const of = (change: Change) =>
      trials.find((trial) => trial.world === name && trial.change === change) as Trial;
    const [none, noticeable, clear] = [of('none'), of('noticeable'), of('clear')];
    const seconds = (trial: Trial) => `${((meanRounds(trial) * roundMs) / 1000).toFixed(0)} s`;
    const { p50, p99, cpu } = none.metrics;
    return [
      name,
      `${none.redPulls} of ${none.pulls}`,
      `${percent(passShare(p50))}, ${percent(passShare(p99))}, ${percent(passShare(cpu))}`,
      `${percent(foundShare(noticeable.metrics.p50))}, ${percent(foundShare(clear.metrics.p50))}`,
      `${percent(foundShare(noticeable.metrics.p99))}, ${percent(foundShare(clear.metrics.p99))}`,
      percent(foundShare(noticeable.metrics.cpu)),
      `${seconds(none)}, ${seconds(clear)}`,
    ];
  });
  const cap = `${((mostRounds * roundMs) / 1000).toFixed(0)} s`;
  return table(
    [
      'our gate in the world',
      'false red pull requests',
      'equal code passes: p50, p99, CPU',
      'p50 found: +5 %, +8 %',
      'p99 found: +30 %, +50 %',
      'CPU found: +4 %',
      `load for equal code, for a clear change (cap ${cap})`,
    ],
    rows,
  );
}

/** Per rule: the share of equal code called a regression, and of a clear change; p50 and p99. */
function renderPeers({ worlds, peers, peerTrials, trials }: Selftest): string {
  const cell = (peer: string, world: string, change: Change) =>
    (['p50', 'p99'] as const)
      .map((metric) => {
        const found = peerTrials.find(
          (trial) =>
            trial.peer === peer &&
            trial.world === world &&
            trial.change === change &&
            trial.metric === metric,
        );
        return found === undefined ? '–' : share(found.red / found.decisions);
      })
      .join('/');
  const rows = peers.map((peer) => [
    peer.name,
    ...worlds.map(
      ({ name }) => `${cell(peer.name, name, 'none')} → ${cell(peer.name, name, 'clear')}`,
    ),
  ]);
  const ours = [
    '**ours**',
    ...worlds.map(({ name }) => {
      const red = (change: Change) => {
        const trial = trials.find((each) => each.world === name && each.change === change) as Trial;
        const { p50, p99 } = trial.metrics;
        return `${share(foundShare(p50))}/${share(foundShare(p99))}`;
      };
      return `${red('none')} → ${red('clear')}`;
    }),
  ];
  const rules = peers.map(({ name, rule }) => `- *${name}*: ${rule}`).join('\n');
  const head = ['red, in %: p50/p99', ...worlds.map(({ name }) => name)];
  return `${table(head, [ours, ...rows])}\n\n${rules}`;
}

function renderWorlds(worlds: readonly World[]): string {
  return worlds.map(({ name, description }) => `- *${name}*: ${description}`).join('\n');
}

/** In percent, without the sign. */
function share(value: number): string {
  return value > 0 && value < 0.0095 ? (100 * value).toFixed(1) : (100 * value).toFixed(0);
}
