/** Functions that little generated code calls. */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';

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
