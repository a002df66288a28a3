import { expect, test } from 'vitest';
import { checkJson } from '../../lib/json.ts';
import { Report } from '../report.ts';
import { hostileTexts, poisoned } from '../testing/hostile.ts';
import { degradedReport, leakReport } from '../testing/sample.ts';
import { renderConsole } from './console.ts';
import { renderHtml } from './html.ts';
import { renderMarkdown } from './markdown.ts';

// Small, and between them with every kind of panel.
const base = leakReport();
const sample: Report = { ...base, failure: 'two\nlines', lost: degradedReport().lost, dirty: true };

/** Tags with the names of their attributes: what a parser would build, without any text. */
function skeleton(page: string): string[] {
  const inert = page.replace(/(<(?:script|style)\b[^>]*>)[\s\S]*?(<\/(?:script|style)>)/g, '$1$2');
  const tags = inert.match(/<[^>]*>/g) ?? [];
  return tags.map((tag) => tag.replace(/="[^"]*"/g, '=""'));
}

/** Per line: its pipes, tags and other marks, with code spans and fenced lines left out. */
function markdownSkeleton(text: string): string[] {
  let fence = '';
  return text.split('\n').flatMap((line) => {
    if (fence !== '') {
      fence = line === fence ? '' : fence;
      return [];
    }
    fence = /^`{3,}(?=text$)/.exec(line)?.[0] ?? '';
    if (fence !== '') {
      return ['fence'];
    }
    const open = line.replace(/`[^`]*`|<\/?code>/g, '');
    return [(open.match(/<[^>]*>|[|`*_[\]<>~]/g) ?? []).join('')];
  });
}

function benign(text: string): string {
  // As long as the original, for what depends on length; as many lines in the failure's block.
  return text.replace(/[^\r\n]/g, 'x');
}

test('the corpus is large, and a poisoned report is still a valid one', () => {
  expect(hostileTexts.length).toBeGreaterThanOrEqual(40);
  const report = poisoned(sample, hostileTexts[0] ?? '');
  expect(checkJson(report, Report, { name: 'poisoned', remedy: '' })).toBe(report);
});

test.each(hostileTexts)('%j is inert in HTML', (text) => {
  const page = renderHtml(poisoned(sample, text));
  expect(skeleton(page)).toEqual(skeleton(renderHtml(poisoned(sample, benign(text)))));
  const data = /<script type="application\/json"[^>]*>([^<]*)<\/script>/.exec(page)?.[1];
  expect(JSON.parse(data ?? '')).toHaveProperty('charts');
  expect(hidden(page)).toEqual([]);
});

test.each(hostileTexts)('%j is inert in Markdown', (text) => {
  const summary = renderMarkdown(poisoned(sample, text));
  expect(markdownSkeleton(summary)).toEqual(
    markdownSkeleton(renderMarkdown(poisoned(sample, benign(text)))),
  );
  const outsideCode = summary
    .replace(/^(`{3,})text\n[\s\S]*?\n\1$/gm, '')
    .replace(/`[^`\n]*`/g, '');
  expect(outsideCode).not.toMatch(/@\w|\w@|:\/\/|\bwww\.|(?<!&)#\d|\]\(|:[\w+]+:|\$/);
  expect(outsideCode).not.toMatch(/&#(64|35);(?!&#8203;)/);
  expect(hidden(summary)).toEqual([]);
});

test.each(hostileTexts)('%j is inert in a terminal and in a log', (text) => {
  const log = renderConsole(poisoned(sample, text), { color: false, width: 80 });
  expect(log).not.toMatch(/^\s*::|##\[/m);
  expect(hidden(log)).toEqual([]);
});

/** Characters that cannot be seen; a newline is the renderer's own. */
function hidden(text: string): string[] {
  return text.match(/(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu) ?? [];
}
