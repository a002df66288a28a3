import { visible } from './text.ts';

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for an element or a quoted attribute. */
export function html(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** JSON for a `<script type="application/json">`: no `<` can end the element, no text hides. */
export function embeddedJson(value: unknown): string {
  const text = JSON.stringify(value, (_, part) =>
    typeof part === 'string' ? visible(part) : part,
  );
  return text.replaceAll('<', '\\u003c');
}
