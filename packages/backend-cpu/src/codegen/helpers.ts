/** Functions that generated code calls: what is too long to repeat at each use. Each is added to a module when first needed. */
import { THREEFRY_PARITY, THREEFRY_ROTATIONS } from '@neurite/tensor';
import type { FunctionBuilder, ModuleBuilder, PlainOp } from '../wasm/encoder.js';

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

/** Remainder of float64 with the sign of the dividend, exact; so it is exact for float32, too. */
export function floatRemainder(module: ModuleBuilder): FunctionBuilder {
  return module.helper('floatRemainder', ['f64', 'f64'], ['f64'], (f) => {
    const [x, y] = [0, 1];
    const rest = f.local('f64');
    const term = f.local('f64');
    f.get(x);
    f.op('f64.abs');
    f.set(rest);
    f.get(y);
    f.op('f64.abs');
    f.tee(y);
    f.f64(0);
    f.op('f64.gt');
    f.get(rest);
    f.f64(Number.POSITIVE_INFINITY);
    f.op('f64.lt');
    f.op('i32.and');
    f.op('i32.eqz');
    f.if_();
    f.f64(Number.NaN);
    f.op('return');
    f.end();
    f.get(rest);
    f.get(y);
    f.op('f64.lt');
    f.if_();
    f.get(x);
    f.op('return');
    f.end();
    // The largest y·2ᵏ up to the rest, then down again; each difference is exact.
    f.get(y);
    f.set(term);
    const found = f.block();
    const up = f.loop();
    f.get(term);
    f.get(rest);
    f.f64(0.5);
    f.op('f64.mul');
    f.op('f64.le');
    f.op('i32.eqz');
    f.brIf(found);
    f.get(term);
    f.get(term);
    f.op('f64.add');
    f.set(term);
    f.br(up);
    f.end();
    f.end();
    const down = f.loop();
    f.get(rest);
    f.get(term);
    f.op('f64.ge');
    f.if_();
    f.get(rest);
    f.get(term);
    f.op('f64.sub');
    f.set(rest);
    f.end();
    f.get(term);
    f.f64(0.5);
    f.op('f64.mul');
    f.tee(term);
    f.get(y);
    f.op('f64.ge');
    f.brIf(down);
    f.end();
    f.get(rest);
    f.get(x);
    f.op('f64.copysign');
  });
}

/** Remainder with the sign of the divisor. */
export function floatModulo(module: ModuleBuilder): FunctionBuilder {
  const remainder = floatRemainder(module);
  return module.helper('floatModulo', ['f64', 'f64'], ['f64'], (f) => {
    const rest = f.local('f64');
    f.get(0);
    f.get(1);
    f.call(remainder);
    f.tee(rest);
    f.get(1);
    f.op('f64.add');
    f.get(rest);
    f.get(rest);
    f.f64(0);
    f.op('f64.ne');
    f.get(rest);
    f.f64(0);
    f.op('f64.lt');
    f.get(1);
    f.f64(0);
    f.op('f64.lt');
    f.op('i32.ne');
    f.op('i32.and');
    f.op('select');
  });
}

/** Integer quotient, remainder or modulo that never traps: 0 for the divisor 0, and −2³¹ / −1 wraps. */
export function integerDivision(
  module: ModuleBuilder,
  op: 'div' | 'rem' | 'mod',
  signed: boolean,
): FunctionBuilder {
  return module.helper(`${op}${signed ? 'S' : 'U'}`, ['i32', 'i32'], ['i32'], (f) => {
    const rest = f.local('i32');
    const exit = (divisor: number, value: () => void) => {
      f.get(1);
      f.i32(divisor);
      f.op('i32.eq');
      f.if_();
      value();
      f.op('return');
      f.end();
    };
    exit(0, () => f.i32(0));
    if (signed) {
      exit(-1, () => {
        f.i32(0);
        if (op !== 'div') return;
        f.get(0);
        f.op('i32.sub');
      });
    }
    f.get(0);
    f.get(1);
    f.op(`i32.${op === 'div' ? 'div' : 'rem'}_${signed ? 's' : 'u'}`);
    if (op !== 'mod' || !signed) return;
    f.tee(rest);
    f.get(1);
    f.op('i32.add');
    f.get(rest);
    f.get(rest);
    f.i32(0);
    f.op('i32.ne');
    f.get(rest);
    f.get(1);
    f.op('i32.xor');
    f.i32(0);
    f.op('i32.lt_s');
    f.op('i32.and');
    f.op('select');
  });
}

/** Wrapping integer power; a negative exponent gives the truncated reciprocal, and 0 for the base 0. */
export function integerPower(module: ModuleBuilder, signed: boolean): FunctionBuilder {
  return module.helper(signed ? 'powS' : 'powU', ['i32', 'i32'], ['i32'], (f) => {
    const [base, exponent] = [0, 1];
    const result = f.local('i32');
    if (signed) {
      f.get(exponent);
      f.i32(0);
      f.op('i32.lt_s');
      f.if_();
      // 1, −1 to the parity, else 0: only |base| = 1 has a reciprocal that is an integer.
      f.get(base);
      f.i32(1);
      f.get(exponent);
      f.i32(1);
      f.op('i32.and');
      f.op('select');
      f.i32(0);
      f.get(base);
      f.i32(1);
      f.op('i32.add');
      f.i32(2);
      f.op('i32.le_u');
      f.get(base);
      f.i32(0);
      f.op('i32.ne');
      f.op('i32.and');
      f.op('select');
      f.op('return');
      f.end();
    }
    f.i32(1);
    f.set(result);
    const done = f.block();
    const next = f.loop();
    f.get(exponent);
    f.op('i32.eqz');
    f.brIf(done);
    f.get(exponent);
    f.i32(1);
    f.op('i32.and');
    f.if_();
    f.get(result);
    f.get(base);
    f.op('i32.mul');
    f.set(result);
    f.end();
    f.get(base);
    f.get(base);
    f.op('i32.mul');
    f.set(base);
    f.get(exponent);
    f.i32(1);
    f.op('i32.shr_u');
    f.set(exponent);
    f.br(next);
    f.end();
    f.end();
    f.get(result);
  });
}

/** First word of Threefry-2x32-20 per lane, for vectors of (key0, key1, counter0, counter1). */
export function randomBits(module: ModuleBuilder): FunctionBuilder {
  return module.helper('randomBits', ['v128', 'v128', 'v128', 'v128'], ['v128'], (f) => {
    const parity = f.local('v128');
    const keys = [0, 1, parity];
    const [x, y] = [2, 3];
    const combine = (op: PlainOp, target: number, other: number) => {
      f.get(target);
      f.get(other);
      f.op(op);
      f.set(target);
    };
    f.i32x4(THREEFRY_PARITY);
    f.get(0);
    f.op('v128.xor');
    f.get(1);
    f.op('v128.xor');
    f.set(parity);
    combine('i32x4.add', x, 0);
    combine('i32x4.add', y, 1);
    for (let round = 0; round < 20; round++) {
      const distance = THREEFRY_ROTATIONS[round % 8]!;
      combine('i32x4.add', x, y);
      f.get(y);
      f.i32(distance);
      f.op('i32x4.shl');
      f.get(y);
      f.i32(32 - distance);
      f.op('i32x4.shr_u');
      f.op('v128.or');
      f.get(x);
      f.op('v128.xor');
      f.set(y);
      if (round % 4 !== 3) continue;
      const injection = (round + 1) / 4;
      combine('i32x4.add', x, keys[injection % 3]!);
      combine('i32x4.add', y, keys[(injection + 1) % 3]!);
      f.get(y);
      f.i32x4(injection);
      f.op('i32x4.add');
      f.set(y);
    }
    f.get(x);
  });
}
