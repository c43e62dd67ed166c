/** A row's inputs as files: raw numbers in `ROW.bin`, beside an index `ROW.json`. Every peer reads the same bits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RowName } from './rows.js';

export interface Input {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

export type Inputs = Readonly<Record<string, Input>>;

export interface IndexEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  readonly byteOffset: number;
}

export const numelOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export function readInputs(directory: string, row: RowName): Inputs {
  const index = JSON.parse(readFileSync(join(directory, `${row}.json`), 'utf8')) as IndexEntry[];
  // A copy of its own buffer: what readFileSync returns may start anywhere in a shared one.
  const { buffer } = new Uint8Array(readFileSync(join(directory, `${row}.bin`)));
  return Object.fromEntries(
    index.map(({ name, shape, dtype, byteOffset }) => {
      const Data = dtype === 'float32' ? Float32Array : Int32Array;
      return [name, { shape, data: new Data(buffer, byteOffset, numelOf(shape)) }];
    }),
  );
}

/** The transpose of a matrix: peers whose layers store weights as [in, out] get them so. */
export function transposed({ shape: [rows, columns], data }: Input): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return out;
}
