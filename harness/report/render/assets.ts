import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A text that is written into the page and allowed there by its hash alone. */
interface Inline {
  text: string;
  /** As a Content-Security-Policy source: 'sha256-…'. */
  source: string;
}

export interface Assets {
  style: Inline;
  script: Inline;
}

/** What only some pages need: a style sheet of client/, for `flame` with its script. */
export type ExtraSheet = 'forest' | 'flame';

const loaded = new Map<string, Assets>();

/** Style and script of a page: uPlot with its licence, and our own, read once. */
export function loadAssets(extra: readonly ExtraSheet[] = []): Assets {
  const key = extra.join(' ');
  const assets = loaded.get(key) ?? {
    style: inline(styleText(extra)),
    script: inline(scriptText(extra)),
  };
  loaded.set(key, assets);
  return assets;
}

function styleText(extra: readonly ExtraSheet[]): string {
  const names = ['theme', 'page', 'parts', ...extra];
  const own = names.map((name) => ownFile(`../client/${name}.css`));
  return ['', uplotFile('dist/uPlot.min.css').trim(), ...own].join('\n');
}

function scriptText(extra: readonly ExtraSheet[]): string {
  const licence = uplotFile('LICENSE').trim();
  const library = uplotFile('dist/uPlot.iife.min.js').trim();
  const own = ['charts', ...extra.filter((name) => name === 'flame')];
  const ours = own.map((name) => ownFile(`../client/${name}.js`)).join('\n');
  return `\n/* uPlot\n${licence}\n*/\n${library}\n${ours}`;
}

function ownFile(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

function uplotFile(path: string): string {
  const url = createRequire(import.meta.url).resolve(`uplot/${path}`);
  // The parser of the page turns CR LF into LF before it hashes.
  return readFileSync(url, 'utf8').replaceAll('\r\n', '\n');
}

function inline(text: string): Inline {
  const hash = createHash('sha256').update(text).digest('base64');
  return { text, source: `'sha256-${hash}'` };
}
