/**
 * Reduction of large arguments modulo π/2: x = q·π/2 + r with |r| ≤ π/4, for any finite double.
 *
 * Payne and Hanek's method in integers: of 2/π only the 192 bits matter that make x·2/π mod 4.
 */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';

/** The first 1216 bits of 2/π after the point. */
const TWO_OVER_PI = BigInt(
  '0xa2f9836e4e441529fc2757d1f534ddc0db6295993c439041fe5163abdebbc561b7246e3a424dd2e006492eea09d1921c' +
    'fe1deb1cb129a73ee88235f52ebb4484e99c7026b45f7e413991d639835339f49c845f8bbdf9283b1ff897ffde05980f' +
    'ef2f118b5a0a6d1f6d367ecf27cb09b74f463f669e5fea2d7527bac7ebe5f17b3d0739f78a5292ea6bfb5fb11f8d5d08' +
    '56033046fc7b6bab',
);
const WORDS = 20;

/** Word `i` of 2/π, most significant first, behind one word of zeros (so that every window starts at 0 or later). */
function word(module: ModuleBuilder): FunctionBuilder {
  return module.helper('twoOverPi', ['i32'], ['i64'], (f) => {
    f.i64(0n);
    for (let i = 1; i < WORDS; i += 1) {
      // stack: the word so far; select takes (new, old, condition)
      const old = f.local('i64');
      f.set(old);
      f.i64((TWO_OVER_PI >> BigInt(64 * (WORDS - 1 - i))) & 0xffffffffffffffffn);
      f.get(old);
      f.get(0);
      f.i32(i);
      f.op('i32.eq');
      f.op('select');
    }
  });
}

/** Upper 64 bits of an unsigned product. */
function multiplyHigh(module: ModuleBuilder): FunctionBuilder {
  return module.helper('multiplyHigh', ['i64', 'i64'], ['i64'], (f) => {
    const low = (local: number) => {
      f.get(local);
      f.i64(0xffffffffn);
      f.op('i64.and');
    };
    const high = (local: number) => {
      f.get(local);
      f.i64(32n);
      f.op('i64.shr_u');
    };
    const product = (a: () => void, b: () => void) => {
      const local = f.local('i64');
      a();
      b();
      f.op('i64.mul');
      f.set(local);
      return local;
    };
    const [a, b] = [0, 1];
    const ll = product(
      () => low(a),
      () => low(b),
    );
    const lh = product(
      () => low(a),
      () => high(b),
    );
    const hl = product(
      () => high(a),
      () => low(b),
    );
    const hh = product(
      () => high(a),
      () => high(b),
    );
    const middle = f.local('i64');
    high(ll);
    low(lh);
    f.op('i64.add');
    low(hl);
    f.op('i64.add');
    f.set(middle);
    f.get(hh);
    for (const part of [lh, hl, middle]) {
      high(part);
      f.op('i64.add');
    }
  });
}

/** `(f64) → (f64 r, i64 q mod 4)` for a finite argument of magnitude 2⁻¹⁰ or more. */
export function reduceLarge(module: ModuleBuilder): FunctionBuilder {
  const wordAt = word(module);
  const mulHigh = multiplyHigh(module);
  return module.helper('reduceLarge', ['f64'], ['f64', 'i64'], (f) => {
    const x = 0;
    const bits = f.local('i64');
    const significand = f.local('i64');
    const start = f.local('i32');
    const shift = f.local('i64');
    f.get(x);
    f.op('i64.reinterpret_f64');
    f.set(bits);
    // x = ±significand·2ᵉ
    f.get(bits);
    f.i64(0xfffffffffffffn);
    f.op('i64.and');
    f.i64(0x10000000000000n);
    f.op('i64.or');
    f.set(significand);
    // The first useful bit of 2/π is number e − 1, that is offset e + 62 behind the word of zeros.
    f.get(bits);
    f.i64(52n);
    f.op('i64.shr_u');
    f.i64(2047n);
    f.op('i64.and');
    f.op('i32.wrap_i64');
    f.i32(1075 - 62);
    f.op('i32.sub');
    f.set(start);
    f.get(start);
    f.i32(63);
    f.op('i32.and');
    f.op('i64.extend_i32_u');
    f.set(shift);
    const window = [0, 1, 2].map((i) => {
      const local = f.local('i64');
      const load = (next: number) => {
        f.get(start);
        f.i32(6);
        f.op('i32.shr_u');
        f.i32(i + next);
        f.op('i32.add');
        f.call(wordAt);
      };
      load(0);
      f.get(shift);
      f.op('i64.shl');
      // Shifting by 1 and by 63 − shift gives 0 for shift = 0.
      load(1);
      f.i64(1n);
      f.op('i64.shr_u');
      f.i64(63n);
      f.get(shift);
      f.op('i64.sub');
      f.op('i64.shr_u');
      f.op('i64.or');
      f.set(local);
      return local;
    });
    // (high, low) = upper 128 of the lower 192 bits of significand·window: two integer bits, then the fraction.
    const high = f.local('i64');
    const low = f.local('i64');
    const middle = f.local('i64');
    const times = (i: number, part: 'low' | 'high') => {
      f.get(significand);
      f.get(window[i]!);
      if (part === 'low') f.op('i64.mul');
      else f.call(mulHigh);
    };
    times(1, 'low');
    f.set(middle);
    f.get(middle);
    times(2, 'high');
    f.op('i64.add');
    f.set(low);
    times(0, 'low');
    times(1, 'high');
    f.op('i64.add');
    f.get(low);
    f.get(middle);
    f.op('i64.lt_u');
    f.op('i64.extend_i32_u');
    f.op('i64.add');
    f.set(high);
    // The fraction as a signed number: from one half on it belongs to the next quadrant.
    const fraction = f.local('i64');
    f.get(high);
    f.i64(2n);
    f.op('i64.shl');
    f.get(low);
    f.i64(62n);
    f.op('i64.shr_u');
    f.op('i64.or');
    f.set(fraction);
    const quadrant = f.local('i64');
    f.get(high);
    f.i64(62n);
    f.op('i64.shr_u');
    f.get(fraction);
    f.i64(63n);
    f.op('i64.shr_u');
    f.op('i64.add');
    f.set(quadrant);
    // r = (fraction + low·2⁻⁶²)·2⁻⁶⁴·π/2, with what the first conversion rounds away put back.
    const head = f.local('f64');
    f.get(fraction);
    f.op('f64.convert_i64_s');
    f.set(head);
    f.get(head);
    f.get(fraction);
    f.get(head);
    f.op('i64.trunc_sat_f64_s');
    f.op('i64.sub');
    f.op('f64.convert_i64_s');
    f.get(low);
    f.i64(2n);
    f.op('i64.shl');
    f.op('f64.convert_i64_u');
    f.f64(2 ** -64);
    f.op('f64.mul');
    f.op('f64.add');
    f.op('f64.add');
    f.f64((Math.PI / 2) * 2 ** -64);
    f.op('f64.mul');
    const r = f.local('f64');
    f.set(r);
    // A negative argument negates both.
    const negative = f.local('i32');
    f.get(bits);
    f.i64(0n);
    f.op('i64.lt_s');
    f.set(negative);
    f.get(r);
    f.op('f64.neg');
    f.get(r);
    f.get(negative);
    f.op('select');
    f.i64(0n);
    f.get(quadrant);
    f.op('i64.sub');
    f.get(quadrant);
    f.get(negative);
    f.op('select');
    f.i64(3n);
    f.op('i64.and');
  });
}
