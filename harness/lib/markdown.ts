/** A table of Markdown, its first column aligned to the left, all others to the right. */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  const rule = header.map((_, index) => (index === 0 ? ':---' : '---:'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}
