/** How dtypes look in WGSL: as values, as constants, and in storage. */
import { type DType, roundTo, toHalfBits } from '@neurite/tensor';
import type { Helpers } from './helpers.js';

/**
 * WGSL's type of a value. Eight-bit integers are computed in 32 bits and wrapped, float16 in float32 and rounded: where the module has f16
 * (`helpers.hasHalf`), expressions have it too, and what is f32 then is what reductions and products add up in.
 */
export type ValueType = 'f32' | 'i32' | 'u32' | 'bool';

const VALUE_TYPES: Readonly<Partial<Record<DType, ValueType>>> = {
  float32: 'f32',
  float16: 'f32',
  int32: 'i32',
  uint32: 'u32',
  int8: 'i32',
  uint8: 'u32',
  bool: 'bool',
};

/** float64 is missing: WGSL has none. */
export const GPU_DTYPES = Object.keys(VALUE_TYPES) as DType[];

export const valueType = (dtype: DType): ValueType => VALUE_TYPES[dtype]!;

/** How many elements of a dtype share one word of storage. */
export const elementsPerWord = (dtype: DType): 1 | 2 | 4 =>
  dtype === 'float16' ? 2 : dtype === 'int8' || dtype === 'uint8' || dtype === 'bool' ? 4 : 1;

const word = new DataView(new ArrayBuffer(4));

/** The bits of a float32. */
export function floatBits(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}

/** Least positive normal numbers. */
const LEAST_NORMAL = 2 ** -126;
const LEAST_NORMAL_HALF = 2 ** -14;

/** Whether values of a dtype are WGSL's f16. */
export const isHalf = (dtype: DType, { hasHalf }: Pick<Helpers, 'hasHalf'>): boolean =>
  hasHalf && dtype === 'float16';

/** A value as reductions and products take it: f16 becomes f32. */
export const widened = (text: string, dtype: DType, helpers: Pick<Helpers, 'hasHalf'>): string =>
  isHalf(dtype, helpers) ? `f32(${text})` : text;

/**
 * A constant. WGSL refuses infinities and NaN as constants, and lets a compiler drop the sign of zero and flush subnormals: those
 * come from the bits of a variable.
 */
export function constant(value: number, dtype: DType, helpers: Helpers): string {
  const type = valueType(dtype);
  if (type === 'bool') return value !== 0 ? 'true' : 'false';
  if (type === 'u32') return `${value}u`;
  if (type === 'i32') return value < 0 ? `i32(${value})` : `${value}i`;
  const x = roundTo(dtype)(value);
  const half = isHalf(dtype, helpers);
  const least = half ? LEAST_NORMAL_HALF : LEAST_NORMAL;
  const plain = Number.isFinite(x) && !Object.is(x, -0) && (x === 0 || Math.abs(x) >= least);
  if (!plain && half) return `bitcast<vec2<f16>>(${helpers.bits(toHalfBits(x))}).x`;
  if (!plain) return `bitcast<f32>(${helpers.bits(floatBits(x))})`;
  const digits = `${/^-?\d+$/.test(String(x)) ? `${x}.0` : x}${half ? 'h' : 'f'}`;
  return x < 0 ? `(${digits})` : digits;
}

/** A word of the block of runtime scalars as a value; a float16 comes as float32, a bool as 0 or 1. */
export function scalarValue(wordText: string, dtype: DType, helpers: Helpers): string {
  const type = valueType(dtype);
  if (isHalf(dtype, helpers)) return `f16(bitcast<f32>(${wordText}))`;
  if (type === 'u32') return wordText;
  return type === 'bool' ? `(${wordText} != 0u)` : `bitcast<${type}>(${wordText})`;
}

/** A runtime scalar as the word that `scalarValue` reads. */
export function scalarWord(value: number, dtype: DType): number {
  return valueType(dtype) === 'f32' ? floatBits(roundTo(dtype)(value)) : value >>> 0;
}
