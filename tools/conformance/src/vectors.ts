/** Reading a suite of vectors: `index.jsonl` beside `data.bin`; the format is described in `docs/conformance.md`. */
import { DTYPES, type DType, type Tensor, type TypedArray, tensor, viewAs } from '@neurite/tensor';

/** A decoded tensor: host data with its dtype and shape. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a JSON value of the format stands for. */
export type Value =
  | null
  | boolean
  | number
  | string
  | HostTensor
  | SliceValue
  | EllipsisValue
  | DTypeValue
  | Value[]
  | { [key: string]: Value };
export interface SliceValue {
  readonly $slice: readonly (number | null)[];
}
export interface EllipsisValue {
  readonly $ellipsis: true;
}
export interface DTypeValue {
  readonly $dtype: DType;
}

export interface Suite {
  readonly cases: readonly { [key: string]: Json }[];
  decode(json: Json): Value;
}

const SPECIAL: Readonly<Record<string, number>> = {
  inf: Number.POSITIVE_INFINITY,
  '-inf': Number.NEGATIVE_INFINITY,
  nan: Number.NaN,
};

function parseLine(folder: string, line: string, i: number): { [key: string]: Json } {
  try {
    return JSON.parse(line) as { [key: string]: Json };
  } catch (cause) {
    throw new Error(`${folder}: line ${i + 1} of index.jsonl is no JSON`, { cause });
  }
}

/**
 * A suite from the content of its two files; `folder` names it in errors. Decoding throws RangeError for a tensor that lies
 * outside `data.bin`.
 */
export function parseSuite(folder: string, index: string, file: Uint8Array): Suite {
  const lines = index.split('\n').filter((l) => l.trim() !== '');
  // An own, aligned copy: typed arrays want aligned offsets.
  const bytes = new Uint8Array(file.byteLength);
  bytes.set(file);
  const decode = (json: Json): Value => {
    if (Array.isArray(json)) return json.map(decode);
    if (json === null || typeof json !== 'object') return json;
    if ('$t' in json) {
      const [offset, dtype, shape] = json.$t as [number, DType, number[]];
      const size = shape.reduce((p, s) => p * s, 1);
      if (offset + size * DTYPES[dtype].bytes > bytes.byteLength)
        throw new RangeError(
          `a ${dtype} tensor of shape [${shape.join(', ')}] at byte ${offset} exceeds data.bin (${bytes.byteLength} bytes)`,
        );
      return {
        dtype,
        shape,
        data: viewAs(dtype, bytes.subarray(offset, offset + size * DTYPES[dtype].bytes)),
      };
    }
    if ('$f' in json) return SPECIAL[json.$f as string];
    if ('$slice' in json || '$ellipsis' in json || '$dtype' in json) return json as unknown as Value;
    return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, decode(v)]));
  };
  return { cases: lines.map((l, i) => parseLine(folder, l, i)), decode };
}

export const isHostTensor = (v: unknown): v is HostTensor =>
  typeof v === 'object' && v !== null && 'data' in v && 'dtype' in v && 'shape' in v;

/** A fresh tensor with the value. */
export const toTensor = (t: HostTensor): Tensor => tensor(t.data.slice(), { shape: t.shape, dtype: t.dtype });
