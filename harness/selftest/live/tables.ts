import { clopperPearsonLower, clopperPearsonUpper } from '../../stats/clopper-pearson.ts';
import { percent, table } from '../markdown.ts';
import { type Peer, peers } from '../peers/index.ts';
import type { AloneEffect, LiveDecision } from './decision.ts';
import { knobs, type LiveWorld, liveWorlds } from './knobs.ts';
import type { RecordedRounds } from './recorded-rounds.ts';
import { type Replay, type ReplayTally, replayOurs, replayPeer, streamsOf } from './replay.ts';

/** What the committed log and rounds hold; the tables are a function of it. */
export interface LiveEvidence {
  decisions: readonly LiveDecision[];
  recorded: readonly RecordedRounds[];
}

const none = 'none yet';

/** The tables of real machines in docs/statistics.md, in Markdown. */
export function renderLive({ decisions, recorded }: LiveEvidence): string {
  return [
    renderDecisions(decisions),
    renderMetrics(decisions),
    renderPower(decisions),
    renderReplays(recorded),
    describeRecorded(recorded),
  ].join('\n\n');
}

/** What a whole decision came to: the worst of its metrics. */
function resultOf({ outcomes }: LiveDecision): 'red' | 'pass' | 'inconclusive' | 'unmeasurable' {
  const seen = Object.values(outcomes).map(({ outcome }) => outcome);
  if (seen.includes('regressed')) {
    return 'red';
  }
  if (seen.includes('unmeasurable') || seen.includes('invalid')) {
    return 'unmeasurable';
  }
  return seen.includes('inconclusive') ? 'inconclusive' : 'pass';
}

function renderDecisions(decisions: readonly LiveDecision[]): string {
  const rows = knobs.flatMap((knob) =>
    [...liveWorlds, 'both'].flatMap((world) => {
      const own = decisions.filter(
        (each) => (world === 'both' || each.world === world) && each.knob === knob.name,
      );
      if (knob.name !== 'none' && (own.length === 0 || world === 'both')) {
        return [];
      }
      const results = own.map(resultOf);
      const count = (result: (typeof results)[number]) =>
        String(results.filter((each) => each === result).length);
      const reds = results.filter((each) => each === 'red').length;
      return [
        [
          world,
          knob.name,
          own.length === 0 ? none : String(own.length),
          ...[count('red'), count('pass'), count('inconclusive'), count('unmeasurable')],
          knob.name === 'none' && own.length > 0
            ? `≤ ${percent(clopperPearsonUpper(reds, own.length, 0.95))}`
            : '–',
        ],
      ];
    }),
  );
  const head = [
    ...['real machine', 'knob of the head', 'decisions', 'red', 'passed', 'inconclusive'],
    ...['unmeasurable', 'false red of a decision, 95 % bound'],
  ];
  return table(head, rows);
}

/**
 * Per metric, of equal programs: what is not decided could not be red either, so that the bound is of
 * the decided ones alone. It holds for a number of decisions that was fixed before; those of one
 * session share its machine and its builds.
 */
function renderMetrics(decisions: readonly LiveDecision[]): string {
  const equal = decisions.filter(({ knob }) => knob === 'none');
  const names = [...new Set(equal.flatMap(({ outcomes }) => Object.keys(outcomes)))].sort();
  if (names.length === 0) {
    return `Equal programs by metric: ${none}.`;
  }
  const rows = names.map((metric) => {
    const seen = equal.flatMap(({ outcomes }) => {
      const own = outcomes[metric as keyof LiveDecision['outcomes']];
      return own === undefined ? [] : [own.outcome];
    });
    const decided = seen.filter((outcome) => ['pass', 'improved', 'regressed'].includes(outcome));
    const red = seen.filter((outcome) => outcome === 'regressed').length;
    return [
      ...[metric, String(seen.length), String(decided.length), String(red)],
      decided.length === 0 ? '–' : `≤ ${percent(clopperPearsonUpper(red, decided.length, 0.95))}`,
    ];
  });
  const head = [
    'equal programs',
    'asked',
    'decided',
    'red',
    'false red of the decided, 95 % bound',
  ];
  return table(head, rows);
}

/** Per knob: what it does alone, what the gate measured, and how often it was found. */
function renderPower(decisions: readonly LiveDecision[]): string {
  const turned = decisions.filter(({ knob }) => knob !== 'none');
  const groups = Map.groupBy(turned, ({ world, knob, scenario }) =>
    [knob, scenario, world].join(' '),
  );
  const rows = [...groups.keys()].sort().flatMap((key) => powerRows(groups.get(key) ?? []));
  const head = [
    ...['knob', 'scenario', 'real machine', 'metric', 'alone', 'beside the base (median)'],
    ...['limit', 'found', '95 % bound of the power'],
  ];
  const rules = knobs
    .filter(({ name }) => name !== 'none')
    .map(({ name, description }) => `- *${name}*: ${description}.`)
    .join('\n');
  return `${rows.length === 0 ? `Power by knob: ${none}.` : table(head, rows)}\n\n${rules}`;
}

function powerRows(group: readonly LiveDecision[]): string[][] {
  const [first] = group;
  if (first === undefined) {
    return [];
  }
  const names = new Set(group.flatMap(({ alone }) => Object.keys(alone ?? {})));
  return [...names].sort().flatMap((metric) => {
    const alone = pooled(
      group.flatMap((each) => (each.alone?.[metric] ? [each.alone[metric]] : [])),
    );
    // What a knob does not move, alone, is nothing to be found.
    if (alone === null || alone.lo <= 1) {
      return [];
    }
    const name = metric as keyof LiveDecision['outcomes'];
    const judged = group.flatMap(({ outcomes }) => (outcomes[name] ? [outcomes[name]] : []));
    const found = judged.filter(({ outcome }) => outcome === 'regressed').length;
    const beside = median(judged.flatMap(({ ratio }) => (ratio ? [ratio[0] as number] : [])));
    const limit = judged.at(-1)?.limitPercent;
    return [
      [
        ...[first.knob, first.scenario, first.world, metric],
        `${change(alone.ratio)} (${change(alone.lo)} to ${change(alone.hi)})`,
        beside === null ? '–' : change(beside),
        limit === undefined ? 'none' : `${limit} %`,
        limit === undefined ? 'not gated' : `${found} of ${judged.length}`,
        limit === undefined ? '–' : `≥ ${percent(clopperPearsonLower(found, judged.length, 0.95))}`,
      ],
    ];
  });
}

/** Over sessions: the median of the ratios, and the widest of what the intervals reach. */
function pooled(effects: readonly AloneEffect[]): Omit<AloneEffect, 'pairs'> | null {
  const ratio = median(effects.map((each) => each.ratio));
  return ratio === null
    ? null
    : {
        ratio,
        lo: Math.min(...effects.map(({ lo }) => lo)),
        hi: Math.max(...effects.map(({ hi }) => hi)),
      };
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function change(ratio: number): string {
  const value = 100 * (ratio - 1);
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)} %`;
}

/** All rules on the same real rounds. */
function renderReplays(recorded: readonly RecordedRounds[]): string {
  const streams = liveWorlds.map((world) => streamsOf(recorded, world));
  const row = (name: string, rule: (own: (typeof streams)[number]) => Replay) => [
    name,
    ...streams.flatMap((own) => replayCells(rule(own))),
  ];
  const rows = [
    row('**ours**', replayOurs),
    ...peers.map((peer: Peer) => row(peer.name, (own) => replayPeer(peer, own))),
  ];
  const head = [
    'red of so many windows of real rounds: p50, p99',
    ...liveWorlds.flatMap((world: LiveWorld) => [
      `${world}: equal programs`,
      `${world}: +8 % p50, +30 % p99`,
    ]),
  ];
  return table(head, rows);
}

function replayCells({ p50, p99 }: Replay): string[] {
  const cell = (key: 'none' | 'effect') => {
    const words = ({ red, windows }: ReplayTally) =>
      windows === 0 ? none : `${red} of ${windows}`;
    const both = [words(p50[key]), words(p99[key])];
    return p50[key].windows + p99[key].windows === 0 ? none : both.join(', ');
  };
  return [cell('none'), cell('effect')];
}

function describeRecorded(recorded: readonly RecordedRounds[]): string {
  const words = liveWorlds.map((world) => {
    const own = recorded.filter((each) => each.world === world);
    const rounds = streamsOf(recorded, world).reduce((sum, stream) => sum + stream.length, 0);
    const hosts = new Set(own.map(({ host }) => host)).size;
    return own.length === 0
      ? `${world} ${none}`
      : `${world} ${rounds} rounds of ${own.length} ${own.length === 1 ? 'decision' : 'decisions'} on ${hosts} ${hosts === 1 ? 'machine' : 'kinds of machine'}`;
  });
  return `Recorded: ${words.join('; ')}. Every round is used once by each rule; the last stretch, too short for a decision, counts for nothing.`;
}
