import type { Chart } from '../chart.ts';
import type { Content, FlamePicture } from '../content.ts';
import { type ExtraSheet, loadAssets } from './assets.ts';
import { contentHtml, swatchSymbols, variantStyles } from './html-parts.ts';
import { embeddedJson, html } from './html-text.ts';

/** A part of a page with an anchor. */
export interface Section {
  id: string;
  title: string;
  body: string;
  charts: Chart[];
  flames: FlamePicture[];
}

/** What stands in the frame; all but the title is HTML already. */
export interface Page {
  title: string;
  banner: string;
  nav: string;
  main: string;
  charts: readonly Chart[];
  flames?: readonly FlamePicture[];
  sheets?: readonly ExtraSheet[];
}

/** A whole page that needs nothing else: style, script and data are inside. */
export function pageHtml(page: Page): string {
  const { title, banner, nav, main, charts, flames = [], sheets = [] } = page;
  const { style, script } = loadAssets(flames.length > 0 ? [...sheets, 'flame'] : sheets);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${script.source}; style-src ${style.source}; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${html(title)}</title>
<link rel="icon" href="data:,">
<style>${style.text}</style>
</head>
<body>
${swatchSymbols()}
${banner}
<div class="columns">
${nav}
<main>
${main}
</main>
</div>
<script type="application/json" id="chart-data">${embeddedJson({ styles: variantStyles, charts, flames })}</script>
<script>${script.text}</script>
</body>
</html>
`;
}

/** None where a panel has nothing to show. Ids of pictures get the prefix, so that they stay unique. */
export function section(
  id: string,
  title: string,
  content: Content | null,
  prefix = 'run',
): Section[] {
  if (content === null) {
    return [];
  }
  const charts = content.charts.map((chart) => ({ ...chart, id: `${prefix}-${chart.id}` }));
  const flames = (content.flames ?? []).map((flame) => ({ ...flame, id: `${prefix}-${flame.id}` }));
  return [{ id, title, body: contentHtml(content, prefix), charts, flames }];
}

export function sectionHtml({ id, title, body }: Section): string {
  return `<section id="${id}"><h3>${html(title)}</h3>\n${body}\n</section>`;
}
