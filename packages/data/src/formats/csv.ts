import { FormatError, ShapeError, ValueError } from '@neurite/tensor';
import { type HostArray, hostArray } from '../host-array.js';
import { csvRows } from './csv-rows.js';
import { gunzip } from './gzip.js';
import { type ByteSource, readSource } from './source.js';

/** How the cells of a column are read: as numbers of a dtype, or as names of classes that become int32 codes. */
export type ColumnType = 'float32' | 'float64' | 'int32' | 'category';

export interface CsvOptions {
  /** Whether the first row names the columns (default true); otherwise they are called '0', '1', … */
  readonly header?: boolean;
  /** The columns to read, in this order. Default: all. */
  readonly columns?: readonly string[];
  /** Type of each column; float32 where nothing is said. */
  readonly types?: Readonly<Record<string, ColumnType>>;
  /** What an empty cell of a float column counts as. Default: an empty cell is an error. */
  readonly missing?: number;
  /** Default: recognised from the text (comma, tab, semicolon, bar). */
  readonly delimiter?: string;
  /** How errors call a text that has no path. Default 'CSV'. */
  readonly name?: string;
}

/** One column: its values [rows] and, for a category, the class names that the codes stand for, in alphabetical order. */
export interface CsvColumn {
  readonly values: HostArray;
  readonly classes: readonly string[] | null;
}

/** A table of typed columns. */
export class CsvTable {
  constructor(
    readonly rows: number,
    readonly columns: ReadonlyMap<string, CsvColumn>,
    readonly name: string,
  ) {}

  /** @throws ValueError when there is no such column. */
  column(name: string): CsvColumn {
    const column = this.columns.get(name);
    if (!column)
      throw new ValueError(`${this.name}: no column '${name}' among ${[...this.columns.keys()].join(', ')}`);
    return column;
  }

  /**
   * Columns side by side as float32 [rows, columns]: the features of a model.
   *
   * @param names default: all columns but `except`.
   */
  matrix(
    options: { readonly names?: readonly string[]; readonly except?: readonly string[] } = {},
  ): HostArray {
    const except = new Set(options.except?.map((name) => this.column(name) && name));
    const names = options.names ?? [...this.columns.keys()].filter((name) => !except.has(name));
    if (names.length === 0) throw new ShapeError(`${this.name}: no column is left for the matrix`);
    const data = new Float32Array(this.rows * names.length);
    names.forEach((name, c) => {
      const { data: values } = this.column(name).values;
      for (let r = 0; r < this.rows; r++) data[r * names.length + c] = values[r];
    });
    return hostArray(data, [this.rows, names.length]);
  }
}

/**
 * Parses CSV text (RFC 4180, through Papa Parse) into typed columns.
 *
 * @throws FormatError naming line and column for a row with too few or too many cells, a cell that is no number, a broken
 *   quote, a duplicate or missing column, a table without rows.
 */
export function parseCsv(text: string, options: CsvOptions = {}): CsvTable {
  const name = options.name ?? 'CSV';
  const rows = csvRows(text, name, options.delimiter);
  const first = rows[0];
  if (!first) throw new FormatError(`${name}: line 1: expected a table, found no rows`);
  const withHeader = options.header ?? true;
  const titles = withHeader ? first.cells.map((cell) => cell.trim()) : first.cells.map((_, i) => `${i}`);
  checkTitles(titles, name);
  const body = withHeader ? rows.slice(1) : rows;
  if (body.length === 0)
    throw new FormatError(
      `${name}: line ${first.line + 1}: expected rows of data after the header, found none`,
    );
  for (const { cells, line } of body) {
    if (cells.length !== titles.length) {
      throw new FormatError(
        `${name}: line ${line}, column ${Math.min(cells.length, titles.length) + 1}: expected ${titles.length} cells, found ${cells.length}`,
      );
    }
  }
  for (const wanted of [...(options.columns ?? []), ...Object.keys(options.types ?? {})]) {
    if (!titles.includes(wanted))
      throw new FormatError(`${name}: no column '${wanted}' among ${titles.join(', ')}`);
  }
  const columns = new Map<string, CsvColumn>();
  for (const title of options.columns ?? titles) {
    const position = titles.indexOf(title);
    const fail = (row: number, expected: string): never => {
      const found = body[row].cells[position];
      throw new FormatError(
        `${name}: line ${body[row].line}, column ${position + 1} (${title}): expected ${expected}, found ${JSON.stringify(found)}`,
      );
    };
    const cells = body.map((row) => row.cells[position].trim());
    columns.set(title, readColumn(cells, options.types?.[title] ?? 'float32', options.missing, fail));
  }
  return new CsvTable(body.length, columns, name);
}

/** As {@link parseCsv}, from UTF-8 bytes or a path, gzipped or not. */
export async function readCsv(source: ByteSource, options: CsvOptions = {}): Promise<CsvTable> {
  const file = await readSource(source, options.name ?? 'CSV');
  const bytes = await gunzip(file);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new FormatError(`${file.name}: expected UTF-8 text, found bytes that are not`, { cause: error });
  }
  return parseCsv(text, { ...options, name: file.name });
}

function checkTitles(titles: readonly string[], name: string): void {
  titles.forEach((title, i) => {
    const where = `${name}: line 1, column ${i + 1}`;
    if (title === '') throw new FormatError(`${where}: expected a column name, found an empty cell`);
    if (titles.indexOf(title) < i)
      throw new FormatError(`${where}: the name '${title}' stands for two columns`);
  });
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INFINITE = /^([+-]?)inf(inity)?$/i;

/** The number that a cell spells, or undefined. */
function parseNumber(cell: string): number | undefined {
  if (NUMBER.test(cell)) return Number(cell);
  if (/^nan$/i.test(cell)) return Number.NaN;
  const infinite = INFINITE.exec(cell);
  return infinite ? (infinite[1] === '-' ? -1 : 1) * Number.POSITIVE_INFINITY : undefined;
}

function readColumn(
  cells: readonly string[],
  type: ColumnType,
  missing: number | undefined,
  fail: (row: number, expected: string) => never,
): CsvColumn {
  if (type === 'category') {
    const empty = cells.indexOf('');
    if (empty >= 0) fail(empty, 'the name of a class');
    // By code unit, not by locale: the codes must not depend on the machine.
    const classes = [...new Set(cells)].sort();
    const codes = new Map(classes.map((label, code) => [label, code]));
    return { values: hostArray(Int32Array.from(cells, (cell) => codes.get(cell)!)), classes };
  }
  const numbers = cells.map((cell, row) => {
    if (cell === '' && missing !== undefined && type !== 'int32') return missing;
    const value = parseNumber(cell);
    if (value === undefined) return fail(row, 'a number');
    if (type === 'int32' && value !== (value | 0)) return fail(row, 'a 32-bit integer');
    return value;
  });
  const ArrayType = { float32: Float32Array, float64: Float64Array, int32: Int32Array }[type];
  return { values: hostArray(ArrayType.from(numbers)), classes: null };
}
