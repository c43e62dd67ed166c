/** Functions that generated code calls: what is too long to repeat at each use. Each is added to a module when first needed. */
import { THREEFRY_PARITY, THREEFRY_ROTATIONS } from '@neurite/tensor';
import type { FunctionBuilder, ModuleBuilder, PlainOp } from '../wasm/encoder.js';

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
