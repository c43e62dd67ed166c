/** float16 from and to float32. */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';

/** float16 bits in i32 lanes → f32x4, exactly. */
export function halfToFloat(module: ModuleBuilder): FunctionBuilder {
  return module.helper('halfToFloat', ['v128'], ['v128'], (f) => {
    const magnitude = f.local('v128');
    f.get(0);
    f.i32x4(0x7fff);
    f.op('v128.and');
    f.tee(magnitude);
    f.i32(13);
    f.op('i32x4.shl');
    // Exponents differ by 127 − 15; the product is exact for subnormal numbers, too.
    f.f32x4(2 ** 112);
    f.op('f32x4.mul');
    f.get(magnitude);
    f.i32x4(0x7bff);
    f.op('i32x4.gt_s');
    f.i32x4(0x7f800000);
    f.op('v128.and');
    f.op('v128.or');
    f.get(0);
    f.i32x4(0x8000);
    f.op('v128.and');
    f.i32(16);
    f.op('i32x4.shl');
    f.op('v128.or');
  });
}

/**
 * f32x4 → float16 bits in i32 lanes, rounded to nearest even: F. Giesen's branch-free conversion
 * (https://fgiesen.wordpress.com/2012/03/28/half-to-float-done-quic/).
 */
export function floatToHalf(module: ModuleBuilder): FunctionBuilder {
  return module.helper('floatToHalf', ['v128'], ['v128'], (f) => {
    const magnitude = f.local('v128');
    // Below 2^-14 the sum with 0.5 has the subnormal result in its low bits.
    f.get(0);
    f.op('f32x4.abs');
    f.tee(magnitude);
    f.f32x4(0.5);
    f.op('f32x4.add');
    f.f32x4(0.5);
    f.op('i32x4.sub');
    // Otherwise shift the exponent's bias and round by adding half a unit, less one where the result is even.
    f.get(magnitude);
    f.i32x4(0xfff - ((127 - 15) << 23));
    f.op('i32x4.add');
    f.get(magnitude);
    f.i32(31 - 13);
    f.op('i32x4.shl');
    f.i32(31);
    f.op('i32x4.shr_s');
    f.op('i32x4.sub');
    f.i32(13);
    f.op('i32x4.shr_u');
    f.i32x4((127 - 14) << 23);
    f.get(magnitude);
    f.op('i32x4.gt_s');
    f.op('v128.bitselect');
    // 65536 and above, infinities and NaN.
    f.get(magnitude);
    f.get(magnitude);
    f.op('f32x4.ne');
    f.i32x4(0x200);
    f.op('v128.and');
    f.i32x4(0x7c00);
    f.op('v128.or');
    f.i32x4((127 + 16) << 23);
    f.get(magnitude);
    f.op('i32x4.gt_s');
    f.op('v128.bitselect');
    f.get(0);
    f.i32(16);
    f.op('i32x4.shr_u');
    f.i32x4(0x8000);
    f.op('v128.and');
    f.op('v128.or');
  });
}
