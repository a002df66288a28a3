import { expect, test } from 'vitest';
import { checkJson } from '../../lib/json.ts';
import { LiveDecision } from './decision.ts';
import { renderLive } from './tables.ts';
import { equalRounds, recordedRounds } from './testing/rounds.ts';

type Outcome = NonNullable<LiveDecision['outcomes']['latency-p50']>['outcome'];

function decision(outcome: Outcome, changes: Partial<LiveDecision> = {}): LiveDecision {
  const line: LiveDecision = {
    ...{ schema: 1, date: '2026-01-01T00:00:00Z', revision: 'c'.repeat(40), world: 'quiet' },
    ...{ knob: 'none', host: 'a'.repeat(12), scenario: 'io_uring/hello-http/epoll' },
    ...{ rounds: 12, steal: 0.01 },
    outcomes: {
      'latency-p50': { outcome, limitPercent: 3, ratio: [1.1, 1.05, 1.15] },
      'latency-p99': { outcome: 'pass', limitPercent: 10, ratio: null },
    },
    ...changes,
  } as LiveDecision;
  return checkJson(line, LiveDecision, { name: 'a line', remedy: '' });
}

const rowOf = (text: string, begin: string) =>
  text.split('\n').filter((line) => line.startsWith(begin));

test('nothing yet says so, everywhere', () => {
  const text = renderLive({ decisions: [], recorded: [] });
  expect(rowOf(text, '| quiet | none |')).toEqual([
    '| quiet | none | none yet | 0 | 0 | 0 | 0 | – |',
  ]);
  expect(text).toContain('Power by knob: none yet.');
  expect(rowOf(text, '| **ours** |')).toEqual([
    '| **ours** | none yet | none yet | none yet | none yet |',
  ]);
  expect(text).toContain('Recorded: quiet none yet; foreign none yet.');
});

test('a decision is what the worst of its metrics is, by world and knob', () => {
  const decisions = [
    ...Array.from({ length: 300 }, () => decision('pass')),
    decision('inconclusive', { world: 'foreign' }),
    decision('unmeasurable', { world: 'foreign' }),
    decision('invalid', { world: 'foreign' }),
    decision('regressed', { world: 'foreign' }),
    decision('improved', { world: 'foreign' }),
    decision('regressed', { knob: 'spin' }),
  ];
  const text = renderLive({ decisions, recorded: [] });
  // What could not be decided is no witness: 301 passed, one is red, of equal programs.
  expect(rowOf(text, '| latency-p50 |')).toEqual(['| latency-p50 | 305 | 302 | 1 | ≤ 1.6 % |']);
  // Three hundred without a red: 0.99 %.
  expect(rowOf(text, '| quiet | none |')).toEqual([
    '| quiet | none | 300 | 0 | 300 | 0 | 0 | ≤ 1.0 % |',
  ]);
  expect(rowOf(text, '| both | none |')).toEqual([
    '| both | none | 305 | 1 | 301 | 1 | 2 | ≤ 1.5 % |',
  ]);
  expect(rowOf(text, '| both |')).toHaveLength(1);
  // One of five: Clopper and Pearson's upper bound.
  expect(rowOf(text, '| foreign | none |')).toEqual([
    '| foreign | none | 5 | 1 | 1 | 1 | 2 | ≤ 65.7 % |',
  ]);
  expect(rowOf(text, '| quiet | spin |')).toEqual(['| quiet | spin | 1 | 1 | 0 | 0 | 0 | – |']);
});

test('power stands against what the knob does alone, and only where it does something', () => {
  const alone = {
    'latency-p50': { ratio: 1.08, lo: 1.06, hi: 1.1, pairs: 8 },
    'latency-p99': { ratio: 1.02, lo: 0.9, hi: 1.2, pairs: 8 },
    'open-descriptors-per-1000': { ratio: 3, lo: 2.9, hi: 3.1, pairs: 8 },
  };
  const other = { 'latency-p50': { ratio: 1.09, lo: 1.05, hi: 1.12, pairs: 8 } };
  const decisions = [
    decision('regressed', { knob: 'spin', alone }),
    decision('regressed', { knob: 'spin', alone: other }),
    decision('pass', { knob: 'spin', alone: other }),
  ];
  const text = renderLive({ decisions, recorded: [] });
  const begin = '| spin | io_uring/hello-http/epoll | quiet |';
  expect(rowOf(text, begin)).toEqual([
    `${begin} latency-p50 | +9.0 % (+5.0 % to +12.0 %) | +10.0 % | 3 % | 2 of 3 | ≥ 13.5 % |`,
    `${begin} open-descriptors-per-1000 | +200.0 % (+190.0 % to +210.0 %) | – | none | not gated | – |`,
  ]);
});

test('recorded rounds: how many windows there were, and what is found of a change', () => {
  const recorded = [recordedRounds(equalRounds(24))];
  const text = renderLive({ decisions: [], recorded });
  expect(rowOf(text, '| **ours** |')).toEqual([
    '| **ours** | 0 of 2, 0 of 2 | 2 of 2, 2 of 2 | none yet | none yet |',
  ]);
  expect(rowOf(text, '| single run |')).toEqual([
    expect.stringMatching(/^\| single run \| 0 of 12, 0 of 12 \| 12 of 12, 12 of 12 \| none yet/),
  ]);
  expect(rowOf(text, '| Apache Otava |')).toEqual([
    '| Apache Otava | none yet | none yet | none yet | none yet |',
  ]);
  expect(text).toContain('quiet 24 rounds of 1 decision on 1 machine');
});

test('equal evidence, equal bytes', () => {
  const evidence = {
    decisions: [decision('pass'), decision('regressed', { knob: 'tail' })],
    recorded: [recordedRounds(equalRounds(60, { sd: 0.1 }))],
  };
  expect(renderLive(evidence)).toBe(renderLive(structuredClone(evidence)));
});
