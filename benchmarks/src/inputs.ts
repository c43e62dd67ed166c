/** A row's inputs: raw numbers in `ROW.bin`, beside an index `ROW.json`. Every peer reads the same bits. */

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

/** The inputs whose index and numbers are given. */
export const inputsFrom = (index: readonly IndexEntry[], numbers: ArrayBuffer): Inputs =>
  Object.fromEntries(
    index.map(({ name, shape, dtype, byteOffset }) => {
      const Data = dtype === 'float32' ? Float32Array : Int32Array;
      return [name, { shape, data: new Data(numbers, byteOffset, numelOf(shape)) }];
    }),
  );

/** The transpose of a matrix: peers whose layers store weights as [in, out] get them so. */
export function transposed({ shape: [rows, columns], data }: Input): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return out;
}
