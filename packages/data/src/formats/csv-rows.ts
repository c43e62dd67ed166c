import { FormatError } from '@neurite/tensor';
import Papa from 'papaparse';

/** The cells of one row and the line on which it begins (from 1). */
export interface CsvRow {
  readonly cells: readonly string[];
  readonly line: number;
}

/**
 * Splits CSV text into rows of cells and leaves out blank lines.
 *
 * @throws FormatError for quotes that are not closed or that stand inside a cell.
 */
export function csvRows(text: string, name: string, delimiter?: string): CsvRow[] {
  const input = text.startsWith('\ufeff') ? text.slice(1) : text;
  const rows: CsvRow[] = [];
  let line = 1;
  let start = 0;
  Papa.parse<string[]>(input, {
    delimiter: delimiter ?? '',
    skipEmptyLines: true,
    step: ({ data: cells, errors, meta }) => {
      // Skipped lines stand before the row; a quoted cell may span lines, so rows do not count them.
      const source = input.slice(start, meta.cursor);
      start = meta.cursor;
      const blank = /^[\r\n]*/.exec(source)![0];
      line += countLines(blank);
      const broken = errors.find((error) => error.type === 'Quotes');
      if (broken) {
        throw new FormatError(
          `${name}: line ${line}, column ${cells.length}: ${broken.message.toLowerCase()}`,
        );
      }
      if (cells.length > 1 || cells[0].trim() !== '') rows.push({ cells, line });
      line += countLines(source.slice(blank.length));
    },
  });
  return rows;
}

const countLines = (text: string): number => text.match(/\r\n|\n|\r/g)?.length ?? 0;
