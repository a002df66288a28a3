/**
 * Foreign text (names of functions, error messages, what a host says of itself) made harmless for
 * every renderer: nothing in it can move a cursor, turn the direction of writing or hide.
 */

/** Longest text that is printed in one piece; what is longer says how much is left out. */
const maxText = 2_000;

// Controls, format characters (zero-width, direction), separators, and whatever prints as nothing.
const unseen = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** One line of text in which every character can be seen: ESC becomes "⟨U+001B⟩". */
export function visible(text: string): string {
  const whole = text.toWellFormed();
  const short = whole.length > maxText ? `${clip(whole)}… (${whole.length - maxText} more)` : whole;
  return short.replace(/\r\n|[\n\r\t\v\f]/g, ' ').replace(unseen, named);
}

/** As `visible`, keeping line breaks: for messages that are made of lines. */
export function visibleLines(text: string): string[] {
  return text.split(/\r\n|\n|\r/).map(visible);
}

function named(character: string): string {
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return `⟨U+${hex}⟩`;
}

/** The first `maxText` code units, not ending in half a character. */
function clip(text: string): string {
  return text
    .slice(0, maxText)
    .toWellFormed()
    .replace(/\ufffd$/, '');
}
