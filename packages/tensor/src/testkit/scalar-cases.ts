/** One kernel per scalar op and dtype, over ordinary and special values. */
import { DTYPE_NAMES, type DType, isFloat, isInteger } from '../dtype.js';
import { INTEGER_RANGE, roundTo } from '../kernel/exact.js';
import { type Expr, SCALAR_OPS, type ScalarOp } from '../kernel/ir.js';
import { evaluateScalar, SCALAR_ARITY, scalarOpTakes } from '../kernel/scalar.js';
import { uniform } from './case.js';
import type { KernelCase, Tolerance } from './harness.js';
import { builder, load, loop, pointwise, reads, store, writes } from './kernel-builder.js';

/**
 * How far from the correctly rounded value an op may be, in units of the last place of float32; what is not listed is
 * exact. Float64 has the same number of units times four (pow 1024: exp and log of twice its digits are not asked for), float16 computes in float32 and may round the other way.
 */
const ULPS: Readonly<Partial<Record<ScalarOp, number>>> = {
  exp: 4,
  expm1: 8,
  log: 4,
  log1p: 8,
  sin: 4,
  cos: 4,
  atan: 4,
  reciprocal: 1,
  erf: 8,
  tanh: 8,
  sigmoid: 8,
  pow: 16,
};

const SPECIAL_FLOATS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  2,
  -2,
  3,
  10,
  -10,
  1e-3,
  -1e-3,
  1e-7,
  1e-20,
  1e20,
  -1e20,
  8388607.5,
  16777216,
  Infinity,
  -Infinity,
  Number.NaN,
];

function unaryFloats(op: ScalarOp, dtype: DType): number[] {
  const spread = uniform(300, 1);
  const magnitudes = uniform(100, 2).map((x) => x * 10 ** (x * 8));
  const values = [
    ...SPECIAL_FLOATS,
    ...spread.map((x) => x * 10),
    ...spread.map((x) => x * 100),
    ...magnitudes,
  ];
  const periodic = op === 'sin' || op === 'cos';
  return values.map(roundTo(dtype)).filter((x) => !periodic || Math.abs(x) < 1e4 || !Number.isFinite(x));
}

function specialIntegers(dtype: DType): number[] {
  const [least, greatest] = INTEGER_RANGE[dtype]!;
  const values = [0, 1, 2, 3, 7, 31, 100, least, least + 1, greatest, greatest - 1, Math.floor(greatest / 3)];
  return [...new Set([...values, ...values.map((x) => roundTo(dtype)(-x))])];
}

const randomIntegers = (dtype: DType, count: number, seed: number): number[] =>
  uniform(count, seed).map((x) => roundTo(dtype)(Math.trunc(x * 2 ** 31)));

const pairs = (left: readonly number[], right: readonly number[]): number[][] => {
  const all = left.flatMap((a) => right.map((b) => [a, b]));
  return [all.map(([a]) => a), all.map(([, b]) => b)];
};

/** Arguments, one list each, on which an op has a value that backends must share. */
function argumentsFor(op: ScalarOp, dtype: DType): number[][] {
  if (op === 'randomBits') return [3, 4, 5, 6].map((seed) => randomIntegers('uint32', 97, seed));
  if (op === 'where') {
    const values = dtype === 'bool' ? [0, 1, 1, 0, 1] : uniform(33, 1).map((x) => roundTo(dtype)(x * 100));
    return [values.map((_, i) => (i % 3 === 0 ? 1 : 0)), values, [...values].reverse()];
  }
  if (dtype === 'bool') {
    return SCALAR_ARITY[op] === 1
      ? [[0, 1, 0, 1, 1]]
      : [
          [0, 0, 1, 1, 1],
          [0, 1, 0, 1, 1],
        ];
  }
  if (isInteger(dtype)) {
    const [, greatest] = INTEGER_RANGE[dtype]!;
    const special = specialIntegers(dtype);
    if (SCALAR_ARITY[op] === 1) return [[...special, ...randomIntegers(dtype, 100, 1)]];
    if (op === 'shl' || op === 'shr') {
      const bits = Math.round(Math.log2(greatest + 1) / 8) * 8;
      return pairs(special, [0, 1, 2, 5, bits - 2, bits - 1]);
    }
    if (op === 'pow')
      return pairs(special, [0, 1, 2, 3, 5, 13, 100, ...(dtype.startsWith('u') ? [] : [-1, -2, -3])]);
    const [left, right] = pairs(special, special);
    return [
      [...left, ...randomIntegers(dtype, 100, 1)],
      [...right, ...randomIntegers(dtype, 100, 2)],
    ];
  }
  if (SCALAR_ARITY[op] === 1) return [unaryFloats(op, dtype)];
  if (op === 'rem' || op === 'mod') {
    const [left, right] = pairs([0, 1, -1, 5, -5, 7.5, -7.5, 100, 0.25], [1, -1, 2, -2, 3, -3, 0.5, 2.5, 0]);
    const random = uniform(200, 1).map((x) => roundTo(dtype)(x * 100));
    return [
      [...left, ...random],
      [...right, ...random.map((_, i) => [3, -7, 0.125, 10][i % 4])],
    ];
  }
  const special = SPECIAL_FLOATS.map(roundTo(dtype));
  const [left, right] = pairs(special, special);
  const scale = op === 'pow' ? 5 : 100;
  const a = uniform(500, 1).map((x) => roundTo(dtype)(op === 'pow' ? Math.abs(x * scale) : x * scale));
  const b = uniform(500, 2).map((x) => roundTo(dtype)(x * scale));
  return [
    [...left, ...a],
    [...right, ...b],
  ];
}

function toleranceFor(op: ScalarOp, dtype: DType): Tolerance {
  const ulps = ULPS[op];
  // A remainder is exact only where the quotient is; its error is one of the dividend.
  if (op === 'mod' || op === 'rem')
    return { atol: { float32: 1e-5, float64: 1e-13 }[dtype as string] ?? 0.1 };
  if (ulps === undefined) return {};
  // Near a zero of sin or cos, what was lost in reducing the argument shows.
  const atol = op === 'sin' || op === 'cos' ? { float32: 5e-7, float64: 1e-12 }[dtype as string] : 0;
  if (dtype === 'float16') return { ulps: op === 'pow' ? 2 : 1 };
  if (dtype === 'float64') return { ulps: op === 'pow' ? 1024 : ulps * 4, atol };
  return { ulps, atol };
}

/** A kernel that applies an op to whole buffers, with its values by `evaluateScalar`. */
function scalarCase(op: ScalarOp, to: DType, from: readonly DType[], args: readonly number[][]): KernelCase {
  const size = args[0].length;
  const i = loop('i', size);
  const operands: Expr[] = from.map((dtype, k) => load(k, i.variable, dtype));
  const value = builder.op(op, operands, to);
  const argDtype = op === 'where' ? from[1] : from[0];
  const expected = args[0].map((_, j) =>
    evaluateScalar(
      op,
      to,
      args.map((list) => list[j]),
      argDtype,
    ),
  );
  return {
    name: to === argDtype || to === 'bool' ? `${op} ${argDtype}` : `${op} ${argDtype} to ${to}`,
    kernel: {
      name: `scalar_${op}`,
      buffers: [...from.map((dtype) => reads(size, dtype)), writes(size, to)],
      scalars: [],
      nests: [pointwise([i], store(from.length, i.variable, value))],
    },
    inputs: [...args, undefined],
    scalars: [],
    tolerance: toleranceFor(op, to),
    expected: { [from.length]: expected },
  };
}

function castCases(): KernelCase[] {
  return DTYPE_NAMES.flatMap((from) =>
    DTYPE_NAMES.filter((to) => to !== from).map((to) => {
      const values =
        from === 'bool'
          ? [0, 1, 1, 0, 1]
          : isFloat(from)
            ? unaryFloats('cast', from)
            : argumentsFor('neg', from)[0];
      return scalarCase('cast', to, [from], [values]);
    }),
  );
}

function bitcastCases(): KernelCase[] {
  const dtypes = [
    ['float32', 'int32'],
    ['float32', 'uint32'],
    ['int32', 'uint32'],
    ['int8', 'uint8'],
  ] as const;
  return dtypes.flatMap(([a, b]) => {
    // A NaN has many bit patterns; which one JavaScript keeps is its own affair.
    const values = argumentsFor('neg', a)[0].filter((x) => !Number.isNaN(x));
    const back = values.map((x) => evaluateScalar('bitcast', b, [x], a));
    return [scalarCase('bitcast', b, [a], [values]), scalarCase('bitcast', a, [b], [back])];
  });
}

/** Every scalar op on every dtype that it takes, every cast and every bitcast. */
export function scalarCases(): KernelCase[] {
  const cases = SCALAR_OPS.filter((op) => op !== 'cast' && op !== 'bitcast').flatMap((op) =>
    DTYPE_NAMES.filter((dtype) => scalarOpTakes(op, dtype)).map((dtype) => {
      const args = argumentsFor(op, dtype);
      const from: DType[] = args.map((_, k) => (op === 'where' && k === 0 ? 'bool' : dtype));
      const compares = op === 'eq' || op === 'ne' || op === 'lt' || op === 'le';
      return scalarCase(op, compares ? 'bool' : dtype, from, args);
    }),
  );
  return [...cases, ...castCases(), ...bitcastCases()];
}
