import type { FlamePicture } from '../content.ts';
import { html } from './html-text.ts';

/** Flame graphs of a panel: one canvas, on which client/flame.js draws the one that is chosen. */
export function flamesHtml(flames: readonly FlamePicture[], prefix: string): string {
  const id = html(`${prefix}-${flames[0]?.id}`);
  const options = flames.map(
    (flame) => `<option value="${html(`${prefix}-${flame.id}`)}">${html(flame.title)}</option>`,
  );
  const legends = flames.map(
    (flame) =>
      `<p class="note" data-legend="${html(`${prefix}-${flame.id}`)}">${html(flame.legend)}</p>`,
  );
  return `<figure class="flame" data-flames="${id}">
<noscript><p class="note">The flame graphs need JavaScript; the tables say where most of the time goes.</p></noscript>
<div class="flame-bar"><label>Show <select>${options.join('')}</select></label> <label>Find <input type="search" autocomplete="off" spellcheck="false"></label> <button type="button">Show all</button> <span class="found" aria-live="polite"></span></div>
<div class="flame-view" tabindex="0" role="application" aria-roledescription="flame graph" aria-label="Flame graph. Arrow keys move between frames, Enter widens one, Escape shows all; the line below reads the frame."><canvas></canvas></div>
<p class="readout" aria-live="polite"></p>
${legends.join('\n')}
</figure>`;
}
