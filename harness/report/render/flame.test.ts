import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { flameTree, type WeighedStack } from '../../profile/flame-tree.ts';
import { flames as panel } from '../panels/flames.ts';
import type { ScenarioReport } from '../report.ts';
import { BrowserPage, browserCommand } from '../testing/browser.ts';
import { sampleReport } from '../testing/sample.ts';
import { renderHtml } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import { pageHtml, section, sectionHtml } from './page.ts';

const report = sampleReport();
const [scenario] = report.scenarios;

test('the panel says what width and colour mean, what is left out, and which frames differ', () => {
  const content = scenario && panel.content(scenario, report);
  const words = content?.flames?.map(({ legend }) => legend) ?? [];
  expect(words).toHaveLength(4);
  expect(words[0]).toContain('1 frames below 0.10 % of the whole are not drawn');
  expect(words[3]).toContain('Orange: more than the reference; blue: less; grey: the interval');
  const differs = content?.tables.at(-1);
  expect(differs?.rows.map(([name]) => name?.text)).toEqual([
    'net/http.(*conn).serve',
    'syscall.read',
  ]);
  expect(differs?.notes[0]).toContain(
    '2 of 3 frames differ: the 99 % interval of each one’s paired difference over 4 rounds excludes zero, which chance alone does for about 1 of so many',
  );
  expect(renderMarkdown(report)).toContain('Flame graphs');
});

test('without profiles there is neither panel nor script', () => {
  const { flames: _, ...without } = scenario as ScenarioReport;
  expect(panel.content(without, report)).toBeNull();
  const page = renderHtml({ ...report, scenarios: [without] });
  expect(page).not.toContain('flame-view');
  expect(page.length).toBeLessThan(renderHtml(report).length);
});

/** Frames of which each calls many: 100,000 nodes, seven deep. */
function largeTree() {
  const stacks: WeighedStack[] = [];
  for (let i = 0; i < 100_000 / 4; i++) {
    const at = (level: number) => Math.floor(i / 10 ** level);
    const names = [`main.a${at(4)}`, `main.b${at(3)}`, `net/http.c${at(2)}`, `runtime.d${at(1)}`];
    const frames = [...names, `main.e${i}`, `main.f${i}`, `example.com/x.g${i}`, `main.h${i % 3}`];
    stacks.push({
      frames: frames.map((name) => ({ name, file: '', line: 0 })),
      values: [1 + (i % 7)],
    });
  }
  return flameTree(stacks, { minShare: 0, maxNodes: 200_000 });
}

describe.skipIf(browserCommand === null)(
  `in a browser${browserCommand === null ? ' (needs chromium)' : ''}`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), 'pollgate-flame-'));
    let page: BrowserPage;
    const open = async (name: string, text: string) => {
      const path = join(dir, name);
      writeFileSync(path, text);
      return await BrowserPage.open(browserCommand ?? '', path, 1280, 900);
    };
    const pageOf = (flames: NonNullable<ScenarioReport['flames']>) => {
      const sections = section(
        'flames',
        'Flames',
        panel.content({ ...(scenario as ScenarioReport), flames }, report),
      );
      const all = sections.flatMap((each) => each.flames);
      const main = sections.map(sectionHtml).join('');
      return pageHtml({
        title: 'flames',
        banner: '',
        nav: '<nav></nav>',
        main,
        charts: [],
        flames: all,
      });
    };
    const readout = () => page.run(`document.querySelector('.flame .readout').textContent`);
    /** The middle of a node's box, from where the picture stands in the window. */
    const box = async () =>
      (await page.run(
        `(() => { const { left, top, width } = document.querySelector('.flame canvas').getBoundingClientRect(); return { left, top, width }; })()`,
      )) as { left: number; top: number; width: number };
    const click = async (x: number, row: number) => {
      const { left, top, width } = await box();
      for (const type of ['mouseMoved', 'mousePressed', 'mouseReleased'] as const) {
        await page.mouse(type, left + x * width, top + 18 * row + 9);
      }
    };

    beforeAll(async () => {
      page = await open('small.html', pageOf(scenario?.flames ?? []));
    }, 60_000);
    afterAll(async () => {
      await page?.close();
      rmSync(dir, { recursive: true, force: true });
    });

    test('hovering and clicking read out function, source line and weight; Escape shows all', async () => {
      expect(await readout()).toBe('all\n930.5 ms (100.00 %)');
      const { left, top, width } = await box();
      await page.mouse('mouseMoved', left + width / 2, top + 18 * 2 + 9);
      expect(await readout()).toBe('syscall.read  /src/syscall.read.go:11\n910 ms (97.80 %)');
      await click(0.5, 2);
      // The frame is as wide as the picture now, at both of its ends.
      await page.mouse('mouseMoved', left + width - 3, top + 18 * 2 + 9);
      expect(await readout()).toContain('syscall.read');
      await page.run(`document.querySelector('.flame-view').focus()`);
      await page.key('Escape');
      await page.mouse('mouseMoved', left + width - 3, top + 18 * 2 + 9);
      expect(await readout()).toBe('all\n930.5 ms (100.00 %)');
    });

    test('arrow keys move between frames', async () => {
      await page.run(`document.querySelector('.flame-view').focus()`);
      const seen: unknown[] = [];
      for (const key of ['Escape', 'ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp', 'ArrowUp']) {
        await page.key(key);
        seen.push(String(await readout()).split(/\s/)[0]);
      }
      const serve = 'net/http.(*conn).serve';
      expect(seen).toEqual(['all', 'all', serve, 'syscall.read', serve, 'all']);
    });

    test('a search counts and sums what it finds', async () => {
      const search = (text: string) =>
        page.run(
          `(() => { const input = document.querySelector('.flame input'); input.value = ${JSON.stringify(text)}; input.dispatchEvent(new Event('input')); return document.querySelector('.flame .found').textContent; })()`,
        );
      expect(await search('SYSCALL')).toBe('1 places, 910 ms, 97.80 %');
      expect(await search('nothing of that name')).toBe('0 places, 0 ns, 0.00 %');
      expect(await search('')).toBe('');
    });

    test('a difference is drawn in orange where there is more, and says both sides', async () => {
      await page.run(
        `(() => { const select = document.querySelector('.flame select'); select.selectedIndex = 3; select.dispatchEvent(new Event('change')); })()`,
      );
      const legends = await page.run(
        `[...document.querySelectorAll('[data-legend]')].map((legend) => legend.hidden).join()`,
      );
      expect(legends).toBe('true,true,true,false');
      const colour = (x: number, row: number) =>
        page.run(
          `(() => { const canvas = document.querySelector('.flame canvas'); const at = canvas.getContext('2d').getImageData(canvas.width * ${x}, devicePixelRatio * (18 * ${row} + 4), 1, 1).data; return [...at].join(); })()`,
        );
      const [red = 0, , blue = 0] = String(await colour(0.5, 1))
        .split(',')
        .map(Number);
      expect(red).toBeGreaterThan(blue + 50);
      const [grey = 0, , alike = 0] = String(await colour(0.95, 1))
        .split(',')
        .map(Number);
      expect(Math.abs(grey - alike)).toBeLessThan(20);
      await page.mouse('mouseMoved', (await box()).left + 100, (await box()).top + 18 + 9);
      expect(await readout()).toMatch(
        /^net\/http.*\nepoll 1.2 s \(75.00 %\), io_uring 3.605 s \(90.13 %\); per round \+601.3 ms \[.*\]: more$/,
      );
    });

    test('100,000 frames are drawn', { timeout: 60_000 }, async () => {
      const tree = largeTree();
      expect(tree.depth.length).toBeGreaterThan(100_000);
      const large = await open(
        'large.html',
        pageOf([{ view: 'cpu', variant: 'epoll', unit: 'ns', rounds: 1, tree }]),
      );
      try {
        const text = await large.run(`document.querySelector('.flame .readout').textContent`);
        expect(text).toMatch(/^all\n/);
        const painted = await large.run(
          `(() => { const canvas = document.querySelector('.flame canvas'); const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height); let set = 0; for (let at = 3; at < data.length; at += 4) { set += data[at] > 0; } return set / (data.length / 4); })()`,
        );
        expect(painted).toBeGreaterThan(0.5);
      } finally {
        await large.close();
      }
    });
  },
);
