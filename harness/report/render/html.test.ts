import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { checkJson } from '../../lib/json.ts';
import { Report } from '../report.ts';
import {
  defaults,
  degradedReport,
  interruptedReport,
  leakReport,
  sampleReport,
} from '../testing/sample.ts';
import { renderHtml } from './html.ts';

const six = ['epoll', 'io_uring', 'loop-epoll', 'loop-io_uring', 'hot', 'uncached'];
const reports: Record<string, Report> = {
  complete: sampleReport(),
  interrupted: interruptedReport(),
  'failed before its first scenario': { ...interruptedReport(), status: 'failed', scenarios: [] },
  degraded: degradedReport(),
  'with findings': leakReport(),
  'of one variant and one round': sampleReport({ ...defaults, variants: ['only'], rounds: 1 }),
  'of six variants': sampleReport({ ...defaults, variants: six, rounds: 4 }),
  'without a single value': withoutValues(sampleReport()),
};

function withoutValues(report: Report): Report {
  const scenarios = report.scenarios.map((scenario) => ({
    ...scenario,
    measurements: scenario.measurements.map((m) => ({
      ...m,
      values: m.values.map(() => null),
      summary: null,
    })),
    comparisons: scenario.comparisons.map((c) => ({ ...c, ratio: null })),
    curves: scenario.curves.map((curve) => ({ ...curve, points: [] })),
    distributions: scenario.distributions.map((d) => ({ ...d, count: 0, rows: [] })),
    profiles: scenario.profiles.map((p) => ({ ...p, total: 0, functions: [] })),
  }));
  return { ...report, scenarios };
}

function all(page: string, pattern: RegExp): string[] {
  return [...page.matchAll(pattern)].map((match) => match[1] ?? '');
}

/** The page without what it inlines: style, script and data. */
function body(page: string): string {
  return page.replace(/<(script|style)\b[\s\S]*?<\/\1>/g, '');
}

test.each(Object.entries(reports))('a run %s is a valid sample', (name, report) => {
  expect(checkJson(report, Report, { name, remedy: '' })).toBe(report);
});

test.each(Object.entries(reports))('a run %s is rendered whole', (_, report) => {
  const page = renderHtml(report);
  expect(body(page)).not.toMatch(/undefined|NaN|Infinity|\[object|>null</);
  const ids = all(page, /\sid="([^"]*)"/g);
  expect(ids).toEqual([...new Set(ids)]);
  expect(all(page, /href="#([^"]*)"/g).filter((id) => !ids.includes(id))).toEqual([]);
  expect(page).toContain(report.headline);
});

test.each(Object.entries(reports))('a run %s has data for each of its charts', (_, report) => {
  const page = renderHtml(report);
  const data: unknown = JSON.parse(all(page, /id="chart-data">([^<]*)</g)[0] ?? '');
  const figures = all(page, /data-chart="([^"]*)"/g);
  expect(data).toMatchObject({ charts: figures.map((id) => ({ id })) });
  expect(JSON.stringify(data)).not.toContain('null');
});

test('the same report gives the same bytes', () => {
  expect(renderHtml(sampleReport())).toBe(renderHtml(sampleReport()));
});

test('the policy allows exactly the style and the script that are in the page', () => {
  const page = renderHtml(sampleReport());
  const policy = all(page, /Content-Security-Policy" content="([^"]*)"/g)[0];
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const style = all(page, /<style>([\s\S]*?)<\/style>/g).map(hash);
  const script = all(page, /<script>([\s\S]*?)<\/script>/g).map(hash);
  expect([style.length, script.length]).toEqual([1, 1]);
  expect(policy).toBe(
    `default-src 'none'; script-src ${script[0]}; style-src ${style[0]}; img-src data:; base-uri 'none'; form-action 'none'`,
  );
});

test('nothing in the page makes a request', () => {
  const page = renderHtml(sampleReport());
  const targets = all(page, /\s(?:src|href|srcset|action|data|poster)\s*=\s*"([^"]*)"/g);
  expect(targets.filter((target) => !target.startsWith('#'))).toEqual(['data:,']);
  const style = all(page, /<style>([\s\S]*?)<\/style>/g).join('');
  expect(style).not.toMatch(/url\(|@import/);
  const script = all(page, /<script>([\s\S]*?)<\/script>/g).join('');
  expect(script).not.toMatch(/fetch\(|XMLHttpRequest|WebSocket|EventSource|sendBeacon|import\(/);
  expect(body(page)).not.toMatch(/\sstyle=|\son\w+=/);
});

test('the page without its data is below 400 kB', () => {
  const page = renderHtml({ ...interruptedReport(), scenarios: [] });
  expect(Buffer.byteLength(page)).toBeLessThan(400_000);
  expect(Buffer.byteLength(renderHtml(sampleReport()))).toBeLessThan(2_000_000);
});

test('verdict, reason and evidence stand in this order', () => {
  const page = renderHtml(degradedReport());
  const order = [
    '<h1>',
    'id="verdicts"',
    'id="lost"',
    'id="s1"',
    'id="s1-comparisons"',
    'id="run"',
  ];
  const places = order.map((mark) => page.indexOf(mark));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(places[0]).toBeGreaterThan(0);
});
