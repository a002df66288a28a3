import { expect, test } from 'vitest';
import type { Content } from '../content.ts';
import {
  defaults,
  interruptedReport,
  leakReport,
  sampleReport,
  sampleScenario,
} from '../testing/sample.ts';
import { closedLoop } from './closed-loop.ts';
import { comparisons, longTable } from './comparisons.ts';
import { descriptors } from './descriptors.ts';
import { distributions } from './distributions.ts';
import { functions } from './functions.ts';
import { generator, loadDoubts } from './generator.ts';
import { closingPanels, leadingPanels, scenarioPanels } from './index.ts';
import { rounds } from './rounds.ts';
import { traces } from './traces.ts';
import { verdicts } from './verdicts.ts';

const report = sampleReport();
const scenario = sampleScenario('hello-http');

/** A table as text rows, to be read in an expectation. */
function rowsOf(content: Content | null, index = 0): string[] {
  const rows = content?.tables[index]?.rows ?? [];
  return rows.map((row) =>
    row.map(({ text, sub }) => (sub ? `${text} (${sub})` : text)).join(' | '),
  );
}

test('panels have unique ids', () => {
  const ids = [...scenarioPanels, ...leadingPanels, ...closingPanels].map((panel) => panel.id);
  expect(ids).toEqual([...new Set(ids)]);
});

test.each(scenarioPanels)('$id shows nothing when there is nothing', (panel) => {
  expect(
    panel.content(sampleScenario('hello-http', { ...defaults, rounds: 0 }), interruptedReport()),
  ).toBeNull();
});

test.each(scenarioPanels.filter((panel) => panel.id !== 'findings'))(
  '$id: every row has a cell per column, every chart a table beside it',
  (panel) => {
    const content = panel.content(scenario, report);
    expect(content).not.toBeNull();
    for (const { columns, rows } of content?.tables ?? []) {
      expect(rows.filter((row) => row.length !== columns.length)).toEqual([]);
    }
    expect(content?.charts.length === 0 || (content?.tables.length ?? 0) > 0).toBe(true);
  },
);

test('every chart names its n and both axes, and keeps its points inside them', () => {
  const charts = scenarioPanels.flatMap((panel) => panel.content(scenario, report)?.charts ?? []);
  expect(charts.length).toBeGreaterThan(10);
  for (const { subtitle, x, y, series } of charts) {
    expect(subtitle).toMatch(/n = \d/);
    expect([x.label, y.label]).not.toContain('');
    for (const point of series.flatMap((s) => s.points)) {
      expect(point.x).toBeGreaterThanOrEqual(x.min - 1e-9);
      expect(point.to ?? point.x).toBeLessThanOrEqual(x.max + 1e-9);
      expect(point.lo ?? point.y).toBeGreaterThanOrEqual(y.min - 1e-9);
      expect(point.hi ?? point.y).toBeLessThanOrEqual(y.max + 1e-9);
    }
  }
});

test('two variants stand side by side with the ratio and its reading', () => {
  expect(rowsOf(comparisons.content(scenario, report))[0]).toBe(
    'p50 | 61.2 µs ([60.4, 62.0] n=10) | 80.2 µs ([79.1, 81.2] n=10) | ×1.31 [1.27, 1.35] | worse',
  );
});

test('one variant has values and no ratio; more than two have a row each', () => {
  const one = sampleScenario('x', { ...defaults, variants: ['only'], rounds: 1 });
  expect(rowsOf(comparisons.content(one, report))[0]).toBe('p50 | only | 61.2 µs (n=1)');
  const three = longTable(sampleScenario('x', { ...defaults, variants: ['a', 'b', 'c'] }));
  expect(three.rows.slice(0, 3).map((row) => row[3]?.text)).toEqual([
    'reference',
    '×1.31 [1.27, 1.35]',
    '×1.72 [1.67, 1.76]',
  ]);
});

test('a round without a value is a gap, not a zero', () => {
  const chart = rounds.content(scenario, report)?.charts.find((c) => c.id === 'rounds-wakeup-p99');
  expect(chart?.series[0]?.points.map((p) => Math.round(p.x))).toEqual([
    1, 2, 3, 5, 6, 7, 8, 9, 10,
  ]);
});

test('the area of a distribution is all of its events', () => {
  for (const { series, id } of distributions.content(scenario, report)?.charts ?? []) {
    for (const { points } of series) {
      const area = points.reduce(
        (sum, p) => sum + (p.y * ((p.to ?? p.x) - p.x)) / Math.log10(2),
        0,
      );
      expect([id, area.toFixed(3)]).toEqual([id, '100.000']);
    }
  }
});

test('a profile names its denominator and says where a function is not listed', () => {
  const [first] = scenario.profiles;
  const profiles =
    first === undefined ? [] : [first, { ...first, variant: 'io_uring', functions: [] }];
  const content = functions.content({ ...scenario, profiles }, report);
  expect(rowsOf(content)[0]).toBe(
    'internal/runtime/syscall.Syscall6 | 39.1 % (942 ms) | 39.1 % (942 ms) | – | –',
  );
  expect(content?.tables[0]?.notes).toEqual([
    'epoll: 100 % = 2.41 s of CPU time, 241 samples.',
    'io_uring: 100 % = 2.41 s of CPU time, 241 samples.',
    '–: not among the top functions of that variant.',
  ]);
});

test('goroutine time is shared out over all states', () => {
  expect(rowsOf(traces.content(scenario, report))[0]).toBe(
    'blocked: network | 92.1 % (127 s) | 92.1 % (127 s)',
  );
});

test('descriptors: kernel and /proc side by side, unknown is not zero', () => {
  const [leak] = leakReport().scenarios;
  expect(rowsOf(leak === undefined ? null : descriptors.content(leak, report)).at(-1)).toBe(
    ' | socket | 12,000 | 11,879 | 121 | 10.1 | 121',
  );
  const blind = sampleScenario('x', { ...defaults, observed: false });
  expect(rowsOf(descriptors.content(blind, report))[0]).toBe(
    'epoll (12,000 requests) | all | – | – | – | – | 0',
  );
});

test('verdicts that say the same are one row, and the worst come first', () => {
  const scenarios = report.scenarios.map((s) => ({
    ...s,
    verdicts: s.verdicts.map((v) =>
      s.id === 'hello-http' ? { ...v, outcome: 'incomparable' as const, found: 'no baseline' } : v,
    ),
  }));
  const content = verdicts.content({ ...report, scenarios });
  expect(content?.tables.map((t) => [t.caption, t.folded])).toEqual([
    ['Not passed: 7', false],
    ['Passed: 5', true],
  ]);
  expect(rowsOf(content).map((row) => row.split(' | ').slice(0, 4).join(' | '))).toEqual([
    '✗ regressed | block-4k | io_uring | p99 (regression)',
    '? incomparable | hello-http | epoll, io_uring | p50, p99, allocations/request (regression)',
  ]);
});

test('the load: grade, who was at fault, both lags; then the pairs that may not be compared', () => {
  const content = generator.content(scenario, report);
  expect(content?.lead).toMatch(/^1 of 20 windows are not valid .* In 1 of 10 rounds /);
  expect(rowsOf(content)[12]).toBe(
    '7 | epoll | suspect (send lag p99 61 µs is over 50 µs) | generator | 10,000 | 10,000 (100 %) | 0 | 0 | 800 ns | 61.0 µs | 700 ns | 12.3 µs | 31.0 % | fifo',
  );
  expect(rowsOf(content, 1)[6]).toBe(
    '7 | invalid (send lag p99 of epoll is 61 µs, of io_uring 9.4 µs, more than 50 µs apart) | generator',
  );
  const one = sampleScenario('x', { ...defaults, variants: ['only'] });
  expect(generator.content(one, report)?.tables).toHaveLength(1);
});

test('what the generator doubts is said once a rule, with how often and where first', () => {
  expect(loadDoubts(scenario)).toEqual([
    'suspect by generator in 1 of 20 windows: send lag p99 61 µs is over 50 µs (round 7, epoll)',
    'paired: invalid by generator in 1 of 10 rounds: send lag p99 of epoll is 61 µs, of io_uring 9.4 µs, more than 50 µs apart (round 7)',
  ]);
});

test('autocannon’s bias stands beside its figures', () => {
  expect(rowsOf(closedLoop.content(scenario, report), 1)[0]).toBe(
    'epoll | autocannon | valid | 61.2 k/s | 0 | 43.0 % | 503 µs | +1.91 ms | 1.21 ms | +3.66 ms',
  );
});

test('a warning is printed once, with all that it is about', () => {
  expect(comparisons.content(scenario, report)?.tables[0]?.notes).toEqual([
    'round 4 lost its probes (epoll, io_uring: wake-up p99)',
  ]);
});
