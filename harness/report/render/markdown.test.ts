import { expect, test } from 'vitest';
import { cell, code, left, right, table } from '../content.ts';
import type { Report } from '../report.ts';
import { degradedReport, interruptedReport, sampleReport } from '../testing/sample.ts';
import { markdownTable, maxBytes, renderMarkdown } from './markdown.ts';
import { markdownCode, markdownFence, markdownText } from './markdown-text.ts';

test('an interrupted run says so first, then what is known', () => {
  const report = { ...interruptedReport(), scenarios: [] };
  expect(renderMarkdown(report).split('<details>')[0]).toMatchInlineSnapshot(`
    "## ! io&#95;uring: interrupted

    **Interrupted before a round was finished: there is nothing to judge.**

    compared 0 of 12 gated metrics · exit code 130 · interrupted before its end

    \`\`\`text
    Interrupted in round 1 of 10 of block-4k.
    The captures of that round are incomplete.
    \`\`\`

    "
  `);
});

test('a table is a pipe table with its notes, its foreign text escaped', () => {
  const rows = [
    [code('a|b'), cell('1.00', { sub: '[0.9, 1.1]' })],
    [cell('<b>*x*', { tone: 'bad' }), cell('2.00')],
  ];
  const printed = table('c', [left('name'), right('value')], rows, { notes: ['see @you'] });
  expect(markdownTable(printed, 10)).toMatchInlineSnapshot(`
    "| name | value |
    | :--- | ---: |
    | <code>a&#124;b</code> | 1.00<br><sub>&#91;0.9, 1.1&#93;</sub> |
    | **&#60;b&#62;&#42;x&#42;** | 2.00 |

    > see &#64;&#8203;you
    "
  `);
  expect(markdownTable(printed, 1)).toContain('… and 1 more rows');
});

test('text, code and fences cannot be left', () => {
  expect(markdownText('@me #1 a_b https://x.y')).toMatchInlineSnapshot(
    `"&#64;&#8203;me &#35;&#8203;1 a&#95;b https&#58;&#8203;//x.y"`,
  );
  expect(markdownCode('net/http.(*conn).serve')).toBe('`net/http.(*conn).serve`');
  expect(markdownCode('a`b')).toBe('<code>a&#96;b</code>');
  expect(markdownFence(['```', 'x'])).toBe('````text\n```\nx\n````');
});

test('the variants stand before the evidence, which is folded', () => {
  const text = renderMarkdown(sampleReport());
  expect(text.indexOf('✗ io&#95;uring: regressed')).toBe(3);
  const comparison = text.indexOf('**×1.31 &#91;1.27, 1.35&#93;** | **worse** |');
  expect(comparison).toBeGreaterThan(text.indexOf('### block-4k'));
  expect(comparison).toBeLessThan(text.indexOf('block-4k: Latency by quantile</summary>'));
  expect(text.split('<details>').length).toBe(text.split('</details>').length);
});

test('a degraded run names what was lost and the remedy', () => {
  const text = renderMarkdown(degradedReport());
  expect(text).toContain('### What could not be captured');
  expect(text).toContain('`sudo setcap cap_bpf,cap_perfmon+ep .cache/bin/netprobe`');
});

test('a summary that would be too long is cut, says what was cut, and keeps the verdict', () => {
  const report = sampleReport();
  const scenarios = Array.from({ length: 60 }, () => report.scenarios).flat();
  const text = renderMarkdown({ ...report, scenarios });
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes);
  expect(text).toContain('> Cut to stay below 1,000,000 bytes: ');
  expect(text).toContain('regressed');
});

test('a single enormous text does not push the verdict out', () => {
  const report: Report = {
    ...sampleReport(),
    headline: 'x'.repeat(3_000_000),
    command: '@'.repeat(9e6),
  };
  const text = renderMarkdown(report);
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(maxBytes);
  expect(text).toContain('x… (2998000 more)');
});
