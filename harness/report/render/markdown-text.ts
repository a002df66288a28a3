import { visible } from './text.ts';

/**
 * Foreign text in GitHub's Markdown. Entities cannot open markup, but mentions, issue references
 * and e-mail links are found in the *rendered* text, so those triggers also get a zero-width space.
 */

const zeroWidthSpace = '&#8203;';

/**
 * Marks anywhere; triggers of mentions, references, links and emoji; and at the start of the text
 * what would begin a list, a rule or a heading's underline.
 */
const special =
  /[&<>`*_[\]\\|~$]|[@#]|:(?=\/\/|[\w+-])|\b(?:www|gh)(?=[.-])|^[-+=]|(?<=^\d+)\.(?=\s|$)/gi;

/** Running text, also inside an HTML element: no markup, no mention, no reference, no link. */
export function markdownText(text: string): string {
  return visible(text).replace(special, (found) => {
    if (found.length > 1) {
      return found + zeroWidthSpace;
    }
    return /[@#:]/.test(found) ? entity(found) + zeroWidthSpace : entity(found);
  });
}

/** Text in a fixed-width face, also inside a table. */
export function markdownCode(text: string): string {
  const plain = visible(text);
  if (plain.trim() === '') {
    return '';
  }
  const simple = !/[`|\\<>&]/.test(plain) && plain === plain.trim();
  return simple ? `\`${plain}\`` : `<code>${markdownText(plain)}</code>`;
}

/** A block of lines in a fence that nothing in them can close. */
export function markdownFence(lines: string[]): string {
  const longest = Math.max(
    2,
    ...lines.map((l) => Math.max(0, ...(l.match(/`+/g) ?? []).map((r) => r.length))),
  );
  const fence = '`'.repeat(longest + 1);
  return [`${fence}text`, ...lines, fence].join('\n');
}

function entity(character: string): string {
  return `&#${character.codePointAt(0)};`;
}
