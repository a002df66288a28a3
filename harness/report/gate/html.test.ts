import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { type GateEvidence, readGateEvidence } from '../../analyze/gate-evidence.ts';
import { looks } from '../../gate/design.ts';
import { GateReport } from '../../gate/gate-report.ts';
import { judgeGate } from '../../gate/judge-gate.ts';
import { checkJson } from '../../lib/json.ts';
import { rootDir } from '../../lib/paths.ts';
import { html } from '../render/html-text.ts';
import { renderGateText } from './console.ts';
import { renderGateHtml } from './html.ts';
import { renderGateMarkdown } from './markdown.ts';
import { labelOf, ratioText } from './words.ts';

let recorded: GateEvidence;
let report: GateReport;

/** The two recorded rounds, again and again. */
function repeated(rounds: number): GateEvidence {
  const evidence = structuredClone(recorded);
  for (const unit of evidence.units) {
    const [first, second] = unit.rounds;
    unit.rounds = Array.from({ length: rounds }, (_, index) =>
      structuredClone((index % 2 === 0 ? first : second) as (typeof unit.rounds)[number]),
    );
  }
  return evidence;
}

beforeAll(async () => {
  recorded = await readGateEvidence(join(rootDir, 'harness/test/recorded-gate'));
  report = judgeGate(repeated(looks[0]));
});

function all(page: string, pattern: RegExp): string[] {
  return [...page.matchAll(pattern)].map((match) => match[1] ?? '');
}

/** The page without what it inlines: style, script and data. */
function body(page: string): string {
  return page.replace(/<(script|style)\b[\s\S]*?<\/\1>/g, '');
}

/** Elements that were opened and not closed again, or closed and not open. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  for (const [tag, name = ''] of body(page).matchAll(/<\/?([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (tag.startsWith('</')) {
      const last = open.pop();
      if (last !== name) {
        return [`${tag} closes ${last}`];
      }
    } else if (!tag.endsWith('/>') && !/^(meta|link)$/.test(name)) {
      open.push(name);
    }
  }
  return open;
}

test('the report is a valid one, and goes through JSON without a loss for its page', () => {
  checkJson(report, GateReport, { name: 'report', remedy: '' });
  const again = JSON.parse(JSON.stringify(report)) as GateReport;
  expect(renderGateHtml(again)).toBe(renderGateHtml(report));
});

test('the page is whole: elements are closed, anchors lead somewhere, charts have data', () => {
  for (const page of [renderGateHtml(report), renderGateHtml(judgeGate(repeated(2)))]) {
    expect(unbalanced(page)).toEqual([]);
    expect(body(page)).not.toMatch(/undefined|NaN|Infinity|\[object|>null</);
    const ids = all(page, /\sid="([^"]*)"/g);
    expect(ids).toEqual([...new Set(ids)]);
    expect(all(page, /href="#([^"]*)"/g).filter((id) => !ids.includes(id))).toEqual([]);
    const labels = all(page, /aria-labelledby="([^"]*)"/g).flatMap((list) => list.split(' '));
    expect(labels.filter((id) => !ids.includes(id))).toEqual([]);
    const data: unknown = JSON.parse(all(page, /id="chart-data">([^<]*)</g)[0] ?? '');
    const figures = all(page, /data-chart="([^"]*)"/g);
    expect(figures.length).toBe(10);
    expect(data).toMatchObject({ charts: figures.map((id) => ({ id })) });
  }
});

test('the verdict comes first, then every limit with its words and figures', () => {
  const page = renderGateHtml(report);
  const order = ['<h1>', 'id="forest"', 'id="limits"', 'id="u1"', 'id="machine"', 'id="repeat"'];
  const places = order.map((mark) => page.indexOf(mark));
  expect(places.every((place) => place > 0)).toBe(true);
  expect(places).toEqual([...places].sort((a, b) => a - b));
  expect(page).toContain(html(report.headline));
  expect(page).toContain(html(report.command));
  const verdicts = report.units.flatMap((unit) => unit.verdicts);
  expect(verdicts.length).toBe(5);
  expect(all(page, /class="forest-plot[^>]*>(<title)/g)).toHaveLength(5);
  for (const verdict of verdicts) {
    expect(page).toContain(`<b>${html(labelOf(verdict))}</b>`);
    expect(page).toContain(html(ratioText(verdict.ratio)));
    expect(page).toContain(html(ratioText(verdict.control)));
    expect(page).toContain(html(verdict.why));
  }
});

test('rounds: a place for each, with the ratios of that round alone', () => {
  const [verdict] = report.units[0]?.verdicts ?? [];
  expect(verdict?.rounds).toHaveLength(looks[0]);
  expect(verdict?.rounds?.[0]).toEqual(verdict?.rounds?.[2]);
  expect(verdict?.rounds?.[0]).not.toEqual(verdict?.rounds?.[1]);
  const page = renderGateHtml(report);
  const head = verdict?.rounds?.[0]?.sliced?.head ?? Number.NaN;
  expect(page).toContain(`round 1: ×${Math.exp(head).toFixed(3)}`);
});

test('nothing in the page makes a request', () => {
  const page = renderGateHtml(report);
  const targets = all(page, /\s(?:src|href|srcset|action|data|poster)\s*=\s*"([^"]*)"/g);
  expect(targets.filter((target) => !target.startsWith('#'))).toEqual(['data:,']);
  expect(all(page, /<style>([\s\S]*?)<\/style>/g).join('')).not.toMatch(/url\(|@import/);
  expect(body(page)).not.toMatch(/\sstyle=|\son\w+=|https?:/);
});

test('texts of the run stay texts', () => {
  const hostile = '<script>alert(1)</script>"\'&\u202e';
  const poisoned = structuredClone(report);
  Object.assign(poisoned, { headline: hostile, command: hostile, warnings: [hostile] });
  Object.assign(poisoned, { base: hostile, head: hostile, runId: hostile, against: hostile });
  for (const unit of poisoned.units) {
    Object.assign(unit, { id: `suite/${hostile}`, title: hostile, load: hostile });
    for (const verdict of unit.verdicts) {
      verdict.why = hostile;
    }
  }
  poisoned.fitness = poisoned.fitness?.map((each) => ({ ...each, unit: hostile })) ?? [];
  const page = renderGateHtml(poisoned);
  expect(unbalanced(page)).toEqual([]);
  expect(page.match(/<script\b/g)).toHaveLength(2);
  expect(body(page)).not.toMatch(/alert\(1\)<\/|\u202e/);
  expect(page).toContain('suite/&lt;script&gt;alert(1)&lt;/script&gt;');
});

const differs: NonNullable<GateReport['units'][number]['difference']> = {
  windowNs: 8_400_000_000,
  causes: {
    base: [],
    head: [
      { cause: 'lock-convoy', state: 'confirmed', summary: '2.0 of 2.8 requests wait <here>' },
    ],
  },
  changes: [
    { view: 'runtime', kind: 'cpu', what: 'main.<spin>', unit: 'ns', base: 0, head: 31_000_000 },
    { view: 'kernel', kind: 'calls', what: 'fsync', unit: 'count', base: 20, head: 512 },
  ],
  missing: ['base: the execution trace was not taken'],
};

test('what differs between base and head of a red is told in all three, and what was not seen', () => {
  const explained = structuredClone(report);
  const [unit] = explained.units;
  if (unit === undefined) {
    throw new Error('the recorded gate has a unit');
  }
  unit.difference = differs;
  checkJson(explained, GateReport, { name: 'report', remedy: '' });
  const page = renderGateHtml(explained);
  expect(unbalanced(page)).toEqual([]);
  const text = renderGateText(explained);
  const markdown = renderGateMarkdown(explained);
  for (const said of ['31.0 ms', '×25.6', 'lock-convoy']) {
    expect([page, text, markdown].map((each) => each.includes(said))).toEqual([true, true, true]);
  }
  expect(page).toContain('main.&lt;spin&gt;');
  expect(text).toContain('Causes: base none, head lock-convoy confirmed');
  expect(markdown).toContain('base: the execution trace was not taken');
  expect(renderGateText(report)).not.toContain('why?');
});

test('a red that nobody could look at says why', () => {
  const explained = structuredClone(report);
  for (const unit of explained.units) {
    unit.unexplained = 'the capture of head ended with 5';
  }
  expect(renderGateHtml(explained)).toContain('the capture of head ended with 5');
  expect(renderGateMarkdown(explained)).toContain('the capture of head ended with 5');
});
