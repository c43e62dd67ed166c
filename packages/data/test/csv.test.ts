import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { FormatError, ValueError } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { parseCsv, readCsv } from '../src/index.js';

const flowers = 'length,width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n\n4.9,-1e-1,setosa\n';

describe('parseCsv', () => {
  test('reads typed columns and puts them side by side', () => {
    const table = parseCsv(flowers, { types: { species: 'category' } });
    expect(table.rows).toBe(3);
    expect(table.column('width').values).toEqual({
      data: Float32Array.of(3.5, 3.2, -0.1),
      shape: [3],
      dtype: 'float32',
    });
    expect(table.column('species').classes).toEqual(['setosa', 'versicolor']);
    expect(table.column('species').values.data).toEqual(Int32Array.of(0, 1, 0));
    expect(table.matrix({ except: ['species'] })).toEqual({
      data: Float32Array.of(5.1, 3.5, 7, 3.2, 4.9, -0.1),
      shape: [3, 2],
      dtype: 'float32',
    });
    expect(() => table.column('colour')).toThrow(ValueError);
    expect(() => table.matrix({ except: ['colour'] })).toThrow(
      /no column 'colour' among length, width, species/,
    );
  });

  test('works without a header, with other delimiters, quotes, carriage returns and a byte order mark', () => {
    const table = parseCsv('\ufeff"1";"2 "\r\n3;"4"\r\n', { header: false, types: { 1: 'int32' } });
    expect([...table.columns.keys()]).toEqual(['0', '1']);
    expect(table.column('1').values).toEqual({ data: Int32Array.of(2, 4), shape: [2], dtype: 'int32' });
    expect(parseCsv('a\n1\n2\n').column('a').values.data).toEqual(Float32Array.of(1, 2));
  });

  test('selects columns in the order asked for', () => {
    const table = parseCsv('a,b,c\n1,x,3\n', { columns: ['c', 'a'], types: { c: 'float64' } });
    expect([...table.columns.keys()]).toEqual(['c', 'a']);
    expect(table.matrix().data).toEqual(Float32Array.of(3, 1));
  });

  test('missing values are an error unless they are given a value', () => {
    expect(() => parseCsv('a,b\n1,\n')).toThrow(/line 2, column 2 \(b\): expected a number, found ""/);
    expect(parseCsv('a,b\n1,\n', { missing: Number.NaN }).column('b').values.data).toEqual(
      Float32Array.of(Number.NaN),
    );
  });

  test('spells infinity and NaN as other programs do', () => {
    const { data } = parseCsv('a\n-inf\nInfinity\nnan\n+.5E2\n').column('a').values;
    expect([...data]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN, 50]);
  });

  test.each<[string, string, RegExp]>([
    ['no text', '', /^iris: line 1: expected a table, found no rows$/],
    ['only a header', 'a,b\n', /^iris: line 2: expected rows of data after the header, found none$/],
    ['a short row', 'a,b,c\n1,2,3\n4,5\n', /^iris: line 3, column 3: expected 3 cells, found 2$/],
    ['a long row', 'a,b\n1,2\n3,4,5\n', /^iris: line 3, column 3: expected 2 cells, found 3$/],
    [
      'a word among numbers',
      'a,b\n1,2\n\n3,four\n',
      /^iris: line 4, column 2 \(b\): expected a number, found "four"$/,
    ],
    ['a hexadecimal number', 'a,b\n1,0x10\n', /line 2, column 2 \(b\): expected a number, found "0x10"/],
    [
      'a number with a comma inside',
      'a,b\n"1,5",2\n',
      /line 2, column 1 \(a\): expected a number, found "1,5"/,
    ],
    [
      'a quote that is never closed',
      'a,b\n1,2\n3,"4\n5,6\n',
      /^iris: line 3, column 2: quoted field unterminated$/,
    ],
    ['text after a closing quote', 'a,b\n1,2\n"3"x,4\n', /^iris: line 3, column \d: .*quote/],
    [
      'two columns of one name',
      'a,b,a\n1,2,3\n',
      /^iris: line 1, column 3: the name 'a' stands for two columns$/,
    ],
    ['a column without a name', 'a,,c\n1,2,3\n', /^iris: line 1, column 2: expected a column name/],
  ])('%s: FormatError', (_, text, message) => {
    const parse = () => parseCsv(text, { name: 'iris', delimiter: ',' });
    expect(parse).toThrow(FormatError);
    expect(parse).toThrow(message);
  });

  test('lines are counted through quoted cells that span several', () => {
    const text = 'a,b\n"two\nlines",1\nz,oops\n';
    expect(() => parseCsv(text, { types: { a: 'category' } })).toThrow(/line 4, column 2 \(b\)/);
  });

  test('columns that do not exist and integers that are none are named', () => {
    expect(() => parseCsv('a,b\n1,2\n', { columns: ['a', 'z'] })).toThrow(/no column 'z' among a, b/);
    expect(() => parseCsv('a\n1\n2.5\n', { types: { a: 'int32' } })).toThrow(
      /line 3, column 1 \(a\): expected a 32-bit integer/,
    );
    expect(() => parseCsv('a\n4294967296\n', { types: { a: 'int32' } })).toThrow(/expected a 32-bit integer/);
  });
});

describe('readCsv', () => {
  test('reads bytes, packed bytes and paths', async () => {
    const bytes = new TextEncoder().encode('a,b\n1,2\n');
    expect((await readCsv(bytes)).matrix().data).toEqual(Float32Array.of(1, 2));
    expect((await readCsv(gzipSync(bytes))).rows).toBe(1);
    const folder = await mkdtemp(join(tmpdir(), 'csv-'));
    await writeFile(join(folder, 'broken.csv'), 'a,b\n1,x\n');
    await expect(readCsv(join(folder, 'broken.csv'))).rejects.toThrow(/broken\.csv: line 2, column 2/);
    await rm(folder, { recursive: true });
  });

  test('bytes that are no UTF-8, and damaged gzip, are FormatErrors', async () => {
    await expect(readCsv(Uint8Array.of(0x61, 0xff, 0xfe))).rejects.toThrow(/expected UTF-8 text/);
    await expect(readCsv(gzipSync('a\n1\n').subarray(0, 15))).rejects.toThrow(FormatError);
  });
});
