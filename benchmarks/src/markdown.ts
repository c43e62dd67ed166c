/** A Markdown table whose columns are padded, so that it reads in a terminal too. */

/** The first `texts` columns hold text and the others numbers, which stand at the right. */
export function markdown(
  header: readonly string[],
  lines: readonly (readonly string[])[],
  texts: number,
): string[] {
  const widths = header.map((_, c) => Math.max(...[header, ...lines].map((line) => line[c].length)));
  const format = (line: readonly string[]) =>
    `| ${line.map((text, c) => (c < texts ? text.padEnd(widths[c]) : text.padStart(widths[c]))).join(' | ')} |`;
  const rule = `|${widths.map((w, c) => (c < texts ? '-'.repeat(w + 2) : `${'-'.repeat(w + 1)}:`)).join('|')}|`;
  return [format(header), rule, ...lines.map(format)];
}
