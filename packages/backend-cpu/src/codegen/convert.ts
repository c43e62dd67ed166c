/** Between dtypes: casts of values in vectors, and between a value's lanes and its bytes in memory. */

import { DTYPES, type DType } from '@neurite/tensor';
import { rare } from '../rare.js';
import type { PlainOp } from '../wasm/encoder.js';
import type { Context } from './context.js';

/** Takes the low bytes that a load left in a vector to lanes. */
export function unpack(c: Context, dtype: DType): void {
  const { f } = c;
  switch (dtype) {
    case 'bool':
    case 'uint8':
      f.op('i16x8.extend_low_i8x16_u');
      f.op('i32x4.extend_low_i16x8_u');
      break;
    case 'int8':
      f.op('i16x8.extend_low_i8x16_s');
      f.op('i32x4.extend_low_i16x8_s');
      break;
    case 'float16':
      f.op('i32x4.extend_low_i16x8_u');
      f.call(rare().halfToFloat(c.module));
      break;
  }
  if (dtype !== 'bool') return;
  f.i32x4(0);
  f.op('i32x4.ne');
}

/** The inverse of `unpack`: the bytes of all lanes, at the low end of the vector. */
export function pack(c: Context, dtype: DType): void {
  const { f } = c;
  const narrow = (op: PlainOp) => {
    f.i32x4(0);
    f.op(op);
  };
  if (dtype === 'float16') {
    f.call(rare().floatToHalf(c.module));
    narrow('i16x8.narrow_i32x4_u');
    return;
  }
  if (DTYPES[dtype].bytes > 1) return;
  narrow('i16x8.narrow_i32x4_s');
  narrow(dtype === 'uint8' ? 'i8x16.narrow_i16x8_u' : 'i8x16.narrow_i16x8_s');
  if (dtype === 'bool') f.op('i8x16.abs');
}

/** Rounds float32 lanes to what float16 can hold. */
export function roundToHalf(c: Context): void {
  c.f.call(rare().floatToHalf(c.module));
  c.f.call(rare().halfToFloat(c.module));
}

/** Brings integer lanes into the range of a narrow dtype by dropping high bits. */
export function wrapLanes(c: Context, dtype: DType): void {
  const { f } = c;
  if (dtype === 'int8') {
    f.i32(24);
    f.op('i32x4.shl');
    f.i32(24);
    f.op('i32x4.shr_s');
  } else if (dtype === 'uint8') {
    f.i32x4(255);
    f.op('v128.and');
  }
}

/** 64-bit lane masks → 32-bit ones, and back. */
export function narrowMask(c: Context): void {
  c.f.i32x4(0);
  c.f.shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]);
}
export function widenMask(c: Context): void {
  c.f.op('i64x2.extend_low_i32x4_s');
}

type Kind = 'f32' | 'f64' | 'signed' | 'unsigned' | 'bool';

function kindOf(dtype: DType): Kind {
  if (dtype === 'bool') return 'bool';
  if (dtype === 'float64') return 'f64';
  if (DTYPES[dtype].float) return 'f32';
  return DTYPES[dtype].signed ? 'signed' : 'unsigned';
}

/** Casts the vector on the stack; to float16: to the float32 that is to be rounded. */
export function castLanes(c: Context, from: DType, to: DType): void {
  const { f } = c;
  const source = kindOf(from);
  switch (kindOf(to)) {
    case 'bool':
      if (source === 'f64') {
        f.f64x2(0);
        f.op('f64x2.ne');
        narrowMask(c);
      } else if (source === 'f32') {
        f.f32x4(0);
        f.op('f32x4.ne');
      } else if (source !== 'bool') {
        f.i32x4(0);
        f.op('i32x4.ne');
      }
      break;
    case 'f32':
      if (source === 'f64') f.op('f32x4.demote_f64x2_zero');
      else if (source === 'signed') f.op('f32x4.convert_i32x4_s');
      else if (source === 'unsigned') f.op('f32x4.convert_i32x4_u');
      else if (source === 'bool') {
        f.f32x4(1);
        f.op('v128.and');
      }
      break;
    case 'f64':
      if (source === 'f32') f.op('f64x2.promote_low_f32x4');
      else if (source === 'signed') f.op('f64x2.convert_low_i32x4_s');
      else if (source === 'unsigned') f.op('f64x2.convert_low_i32x4_u');
      else if (source === 'bool') {
        f.op('i32x4.neg');
        f.op('f64x2.convert_low_i32x4_s');
      }
      break;
    default:
      castToInteger(c, source, from, to);
  }
}

function castToInteger(c: Context, source: Kind, from: DType, to: DType): void {
  const { f } = c;
  if (source === 'bool') {
    f.op('i32x4.neg');
    return;
  }
  if (source === 'signed' || source === 'unsigned') {
    if (from !== to) wrapLanes(c, to);
    return;
  }
  const sign = to === 'uint32' ? 'u' : 's';
  f.op(source === 'f64' ? `i32x4.trunc_sat_f64x2_${sign}_zero` : `i32x4.trunc_sat_f32x4_${sign}`);
  if (DTYPES[to].bytes === 4) return;
  f.i32x4(to === 'int8' ? -128 : 0);
  f.op('i32x4.max_s');
  f.i32x4(to === 'int8' ? 127 : 255);
  f.op('i32x4.min_s');
}
