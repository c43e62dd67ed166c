/**
 * Element types. `int32` is the index type (PyTorch's int64 has no counterpart in WebGPU); a `bool` takes one byte.
 */
export type DType = 'float32' | 'float16' | 'float64' | 'int32' | 'uint32' | 'int8' | 'uint8' | 'bool';

/** Typed arrays that host data of each dtype lives in; `float16` is kept as its raw bits. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int8Array
  | Uint8Array
  | Uint16Array;

interface DTypeInfo {
  readonly bytes: number;
  readonly float: boolean;
  readonly signed: boolean;
  /** Position in PyTorch's promotion lattice: bool < integers < floats. */
  readonly category: 0 | 1 | 2;
  readonly array: new (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => TypedArray;
}

export const DTYPES: Readonly<Record<DType, DTypeInfo>> = {
  float32: { bytes: 4, float: true, signed: true, category: 2, array: Float32Array },
  float16: { bytes: 2, float: true, signed: true, category: 2, array: Uint16Array },
  float64: { bytes: 8, float: true, signed: true, category: 2, array: Float64Array },
  int32: { bytes: 4, float: false, signed: true, category: 1, array: Int32Array },
  uint32: { bytes: 4, float: false, signed: false, category: 1, array: Uint32Array },
  int8: { bytes: 1, float: false, signed: true, category: 1, array: Int8Array },
  uint8: { bytes: 1, float: false, signed: false, category: 1, array: Uint8Array },
  bool: { bytes: 1, float: false, signed: false, category: 0, array: Uint8Array },
};

export const DTYPE_NAMES = Object.keys(DTYPES) as DType[];

/** Small integer per dtype, used in structural hashes. */
export const DTYPE_CODE = Object.fromEntries(DTYPE_NAMES.map((d, i) => [d, i])) as Record<DType, number>;

/** Whether the dtype is a floating-point one (and can carry gradients). */
export const isFloat = (dtype: DType): boolean => DTYPES[dtype].float;
/** Whether the dtype is an integer one (bool is not). */
export const isInteger = (dtype: DType): boolean => DTYPES[dtype].category === 1;

const RANK: Record<DType, number> = {
  bool: 0,
  uint8: 1,
  int8: 2,
  int32: 3,
  uint32: 4,
  float16: 5,
  float32: 6,
  float64: 7,
};

/** The dtype of a result that mixes two tensors' dtypes, as PyTorch's `torch.promote_types`. */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a;
  // uint8 and int8 have no common 8-bit type; uint32 with a signed type has no 64-bit type to go to and stays int32.
  if ((a === 'uint8' && b === 'int8') || (a === 'int8' && b === 'uint8')) return 'int32';
  if (
    (a === 'uint32' && isInteger(b) && DTYPES[b].signed) ||
    (b === 'uint32' && isInteger(a) && DTYPES[a].signed)
  )
    return 'int32';
  return RANK[a] > RANK[b] ? a : b;
}

/** Views bytes as the typed array of a dtype (no copy; the offset must be aligned). */
export function viewAs(dtype: DType, bytes: Uint8Array): TypedArray {
  const info = DTYPES[dtype];
  return new info.array(bytes.buffer, bytes.byteOffset, bytes.byteLength / info.bytes);
}

/** Allocates a zeroed typed array for `size` elements of a dtype. */
export function allocateArray(dtype: DType, size: number): TypedArray {
  return viewAs(dtype, new Uint8Array(size * DTYPES[dtype].bytes));
}

const f32 = new Float32Array(1);
const u32 = new Uint32Array(f32.buffer);

/** Rounds a number to float16 and returns its 16 bits (IEEE 754, round to nearest even). */
export function toHalfBits(value: number): number {
  f32[0] = value;
  const x = u32[0];
  const sign = (x >>> 16) & 0x8000;
  const abs = x & 0x7fffffff;
  if (abs >= 0x7f800000) return sign | (abs > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (abs >= 0x477ff000) return sign | 0x7c00;
  if (abs >= 0x38800000) {
    const rounded = abs + 0xfff + ((abs >>> 13) & 1);
    return sign | ((rounded - 0x38000000) >>> 13);
  }
  // Subnormal halves are multiples of 2^-24; ties go to even through the double-precision product.
  f32[0] = Math.abs(value);
  const scaled = f32[0] * 16777216;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}

/** The number that 16 bits of float16 stand for. */
export function fromHalfBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
