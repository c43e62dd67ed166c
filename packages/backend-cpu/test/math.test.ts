import { evaluateScalar } from '@neurite/tensor/testkit';
import { describe, expect, it } from 'vitest';
import { type FloatShape, inlineMath, MATH, type MathName, mathFunction } from '../src/math/index.js';
import { ModuleBuilder } from '../src/wasm/encoder.js';
import { loadEverything } from './loadEverything.js';

await loadEverything();
const COUNT = 4096;
const memory = new WebAssembly.Memory({ initial: 4 });

/** Runs an op over arrays of COUNT elements, through its function or written into the loop. */
function compile(
  op: MathName,
  shape: FloatShape,
  inline: boolean,
  isNear = false,
): (x: number[], y: number[]) => number[] {
  const module = new ModuleBuilder({ module: 'env', name: 'memory', minPages: 1 });
  const run = module.func('run', ['i32']);
  const [x, y, at] = [run.local('v128'), run.local('v128'), run.local('i32')];
  const [xAt, yAt, outAt] = [0, 65536, 131072];
  const loop = run.loop();
  for (const [local, offset] of [
    [x, xAt],
    [y, yAt],
  ] as const) {
    run.get(at);
    run.memory('v128.load', offset);
    run.set(local);
  }
  if (inline) {
    const value = inlineMath(module, run, op, shape, [x, y], isNear);
    run.get(at);
    value();
  } else {
    run.get(at);
    run.get(x);
    if (MATH[op].arity === 2) run.get(y);
    run.call(mathFunction(module, op, shape, isNear));
  }
  run.memory('v128.store', outAt);
  run.get(at);
  run.i32(16);
  run.op('i32.add');
  run.tee(at);
  run.get(0);
  run.op('i32.lt_u');
  run.brIf(loop);
  run.end();
  module.exportFunction(run);
  const instance = new WebAssembly.Instance(new WebAssembly.Module(module.encode()), { env: { memory } });
  const entry = instance.exports.run as (bytes: number) => void;
  const array = shape === 'f32x4' ? Float32Array : Float64Array;
  return (xs, ys) => {
    const out: number[] = [];
    for (let start = 0; start < xs.length; start += COUNT) {
      const part = xs.slice(start, start + COUNT);
      new array(memory.buffer, xAt, COUNT).set(part);
      new array(memory.buffer, yAt, COUNT).set(ys.slice(start, start + COUNT));
      entry(COUNT * array.BYTES_PER_ELEMENT);
      out.push(...new array(memory.buffer, outAt, COUNT).subarray(0, part.length));
    }
    return out;
  };
}

const REFERENCE: Record<MathName, (x: number, y: number) => number> = {
  exp: Math.exp,
  log: Math.log,
  expm1: Math.expm1,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  atan: Math.atan,
  tanh: Math.tanh,
  erf: (x) => evaluateScalar('erf', 'float64', [x], 'float64'),
  sigmoid: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  // C's pow, which differs from JavaScript's where the base is ±1.
  pow: (x, y) => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y),
};

/** Distance in units of the last place of the reference value. */
function ulps(got: number, expected: number, shape: FloatShape): number {
  const [bits, minExponent, max] =
    shape === 'f32x4' ? [23, -149, 3.4028235677973366e38] : [52, -1074, Infinity];
  if (Number.isNaN(expected) || Number.isNaN(got))
    return Number.isNaN(expected) === Number.isNaN(got) ? 0 : Infinity;
  if (Math.abs(expected) >= max) return got === Math.sign(expected) * Infinity ? 0 : Infinity;
  if (!Number.isFinite(got)) return Math.abs(expected) > max * (1 - 2 ** -23) ? 1 : Infinity;
  if (expected === 0) return Object.is(got, expected) ? 0 : Math.abs(got) / 2 ** minExponent + 1;
  const exponent = Math.floor(Math.log2(Math.abs(expected)));
  return Math.abs(got - expected) / 2 ** Math.max(exponent - bits, minExponent);
}

/** Deterministic uniform numbers. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Numbers spread over every exponent and dense where the functions bend. */
function samples(shape: FloatShape, count: number, seed: number): number[] {
  const random = uniform(seed);
  const round = shape === 'f32x4' ? Math.fround : (x: number) => x;
  const [low, high] = shape === 'f32x4' ? [-149, 128] : [-1074, 1024];
  return Array.from({ length: count }, (_, i) => {
    const sign = random() < 0.5 ? -1 : 1;
    const kind = i % 8;
    if (kind === 0) return round(sign * (1 + random()) * 2 ** Math.floor(low + random() * (high - low)));
    if (kind < 3) return round(sign * random() * 3);
    if (kind < 5) return round(sign * random() * 30);
    if (kind === 5) return round(sign * random() * 120);
    if (kind === 6) return round(sign * random() * 1e5);
    return round(1 + sign * 2 ** (-30 * random()));
  });
}

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  3,
  -3,
  1e-45,
  -1e-45,
  88.8,
  -88,
  -104,
  -152,
  1e30,
  -1e30,
  NaN,
  Infinity,
  -Infinity,
];

/** Allowed error in ulp. */
const LIMITS: Record<MathName, Record<FloatShape, number>> = {
  exp: { f32x4: 1.5, f64x2: 1.5 },
  log: { f32x4: 1, f64x2: 1.5 },
  expm1: { f32x4: 2, f64x2: 2 },
  log1p: { f32x4: 1, f64x2: 1.5 },
  sin: { f32x4: 1.6, f64x2: 2 },
  cos: { f32x4: 1.6, f64x2: 2 },
  atan: { f32x4: 1.6, f64x2: 2 },
  erf: { f32x4: 2, f64x2: 2.5 },
  tanh: { f32x4: 2.5, f64x2: 3 },
  sigmoid: { f32x4: 2.5, f64x2: 3 },
  pow: { f32x4: 1, f64x2: 2 },
};

/** Every 4099th bit pattern of a float32, and the neighbours of where exponents change. */
function patterns(): number[] {
  const word = new DataView(new ArrayBuffer(4));
  const all: number[] = [];
  const push = (bits: number) => {
    word.setUint32(0, bits);
    all.push(word.getFloat32(0));
  };
  for (let bits = 0; bits < 2 ** 32; bits += 4099) push(bits);
  for (let bits = 0; bits < 2 ** 32; bits += 2 ** 23) for (const near of [-2, -1, 0, 1, 2]) push(bits + near);
  return all;
}

function expectAccurate(op: MathName, shape: FloatShape, got: number[], xs: number[], ys: number[]): void {
  let worst = 0;
  let where = '';
  xs.forEach((x, i) => {
    const expected = REFERENCE[op](x, ys[i]!);
    const error = ulps(got[i]!, expected, shape);
    if (!(error <= worst)) {
      worst = error;
      where = `${op}(${x}${op === 'pow' ? `, ${ys[i]}` : ''}) = ${got[i]}, expected ${expected}`;
    }
  });
  if (process.env.SHOW_ULPS) console.log(shape, worst.toFixed(3), where);
  expect(worst, where).toBeLessThanOrEqual(LIMITS[op][shape]);
}

describe('float32 on its whole range', () => {
  const xs = patterns();
  it.each(Object.keys(MATH) as MathName[])('%s', (op) => {
    const run = compile(op, 'f32x4', true);
    const exponents = MATH[op].arity === 1 ? [0] : [0.5, 3, -17.25, 1e30, Number.NaN];
    for (const exponent of exponents) {
      const ys = xs.map(() => Math.fround(exponent));
      expectAccurate(op, 'f32x4', run(xs, ys), xs, ys);
    }
  });
});

for (const shape of ['f32x4', 'f64x2'] as const) {
  describe(shape, () => {
    it.each(Object.keys(MATH) as MathName[])('%s', (op) => {
      const run = compile(op, shape, false);
      const xs = samples(shape, 200_000, 1);
      const ys = samples(shape, 200_000, 2);
      if (op === 'pow') {
        // Most random powers overflow; half of the samples are made not to.
        xs.forEach((x, i) => {
          if (i % 2 === 0) xs[i] = Math.abs(x);
          if (i % 4 === 0) ys[i] = Math.fround((ys[i]! % 80) / (Math.log(xs[i]!) || 1));
          if (i % 16 === 1) ys[i] = Math.round(ys[i]! % 8);
        });
      }
      const got = run(xs, ys);
      expectAccurate(op, shape, got, xs, ys);
    });

    it.each(Object.keys(MATH) as MathName[])('%s of special values', (op) => {
      const pairs = SPECIAL.flatMap((x) =>
        (MATH[op].arity === 2 ? SPECIAL : [0]).map((y) => [x, y] as const),
      );
      const round = shape === 'f32x4' ? Math.fround : (x: number) => x;
      const xs = pairs.map(([x]) => round(x));
      const ys = pairs.map(([, y]) => round(y));
      const got = compile(op, shape, false)(xs, ys);
      xs.forEach((x, i) => {
        const expected = round(REFERENCE[op](x, ys[i]!));
        const exact = expected === 0 || Number.isNaN(expected) || !Number.isFinite(expected);
        const message = `${op}(${x}, ${ys[i]})`;
        if (exact) expect(got[i], message).toBe(expected);
        else expect(ulps(got[i]!, expected, shape), message).toBeLessThanOrEqual(LIMITS[op][shape] + 1);
      });
    });

    it('inlined code gives the same bits', () => {
      const xs = samples(shape, COUNT, 3);
      const ys = samples(shape, COUNT, 4);
      for (const op of Object.keys(MATH) as MathName[]) {
        expect(compile(op, shape, true)(xs, ys), op).toEqual(compile(op, shape, false)(xs, ys));
      }
    });
  });
}

it('angles that are known to be small get the bits of any others', () => {
  const xs = Array.from({ length: COUNT }, (_, i) => (i - COUNT / 2) * 12.9898);
  for (const op of ['sin', 'cos'] as const)
    for (const shape of ['f32x4', 'f64x2'] as const)
      for (const inline of [false, true])
        expect(compile(op, shape, inline, true)(xs, xs)).toEqual(compile(op, shape, inline)(xs, xs));
});

describe('exponentials of what is known not to be positive', () => {
  const grid = Array.from({ length: 1200 * 40 }, (_, i) => -i / 40.03);
  const edges = [
    -0,
    0,
    -1e-30,
    -87.4,
    -103.9,
    -104.1,
    -1e30,
    -Number.MAX_VALUE,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
  ];

  it('float32: within 2.5 ulp, subnormal results included', () => {
    const xs = [...patterns().map((x) => -Math.abs(x)), ...grid, ...grid.map((x) => x / 10), ...edges].map(
      Math.fround,
    );
    for (const inline of [false, true]) {
      const worst = compile(
        'exp',
        'f32x4',
        inline,
        true,
      )(xs, xs).reduce((most, got, i) => Math.max(most, ulps(got, Math.exp(xs[i]!), 'f32x4')), 0);
      expect(worst).toBeLessThanOrEqual(2.5);
    }
    expect(compile('exp', 'f32x4', true, true)([0, -0, -Infinity, Number.NaN], [])).toEqual([
      1,
      1,
      0,
      Number.NaN,
    ]);
  });

  it('float64: the bits of any others', () => {
    const xs = [...grid, ...edges];
    expect(compile('exp', 'f64x2', true, true)(xs, xs)).toEqual(compile('exp', 'f64x2', true)(xs, xs));
  });
});
