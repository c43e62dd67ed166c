import { describe, expect, it } from 'vitest';
import { reference } from '../src/backend/reference.js';
import type { DType } from '../src/dtype.js';
import { NeuriteError } from '../src/errors.js';
import { roundTo } from '../src/kernel/exact.js';
import type { Kernel, ScalarOp } from '../src/kernel/ir.js';
import { lowerScalarOps } from '../src/kernel/lowering.js';
import { evaluateScalar } from '../src/kernel/scalar.js';
import { uniform } from '../src/testkit/case.js';
import { describeMismatch, runProgram, unitInLastPlace } from '../src/testkit/harness.js';
import { builder, load, loop, pointwise, reads, store, writes } from '../src/testkit/kernel-builder.js';
import { kernelCases } from '../src/testkit/kernels.js';

/** What a plain machine has. */
const PLAIN: readonly ScalarOp[] = [
  ...(['add', 'sub', 'mul', 'div', 'neg', 'lt', 'le', 'eq', 'ne', 'and', 'or', 'xor', 'not'] as const),
  ...(['shl', 'shr', 'where', 'cast', 'bitcast', 'max', 'min', 'trunc', 'floor', 'sqrt'] as const),
];
const WITH_EXP: readonly ScalarOp[] = [...PLAIN, 'exp', 'log'];
/** The least that everything in float32 and in integers can be made of. */
const LEAST: readonly ScalarOp[] = [
  ...([
    'add',
    'mul',
    'div',
    'sub',
    'lt',
    'eq',
    'and',
    'or',
    'shl',
    'shr',
    'where',
    'cast',
    'bitcast',
    'sqrt',
  ] as const),
];

/** Their float32 forms read the bits of a float, for which float64 has no integer of its size. */
const NEEDS_EXP_IN_FLOAT64 = /^(exp|log|expm1|log1p|erf|tanh|sigmoid|pow) float64/;

/** The op alone, lowered to `supported` and run where nothing else is allowed. */
async function values(op: ScalarOp, dtype: DType, args: readonly number[][], supported: readonly ScalarOp[]) {
  const size = args[0].length;
  const i = loop('i', size);
  const operands = args.map((_, k) => load(k, i.variable, dtype));
  const kernel: Kernel = {
    name: op,
    buffers: [...args.map(() => reads(size, dtype)), writes(size, dtype)],
    scalars: [],
    nests: [pointwise([i], store(args.length, i.variable, builder.op(op, operands)))],
  };
  const scalarOps = new Set(supported);
  const { backend } = await reference({ scalarOps }).start();
  const program = await backend.compile(lowerScalarOps(kernel, builder, scalarOps));
  const results = await runProgram(backend, program, { kernel, inputs: [...args, undefined], scalars: [] });
  return results[args.length];
}

/** The largest error in units of the last place, where results are normal numbers, and what it belongs to. */
async function worst(op: ScalarOp, dtype: DType, args: readonly number[][], supported: readonly ScalarOp[]) {
  const rounded = args.map((list) => list.map(roundTo(dtype)));
  const actual = await values(op, dtype, rounded, supported);
  const least = dtype === 'float64' ? 2 ** -1022 : 2 ** -126;
  let [error, at] = [0, ''];
  actual.forEach((value, k) => {
    const given = rounded.map((list) => list[k]);
    const wanted = evaluateScalar(op, 'float64', given, 'float64');
    if (!(Math.abs(wanted) >= least) || !Number.isFinite(roundTo(dtype)(wanted))) return;
    const units = Math.abs(value - wanted) / unitInLastPlace(wanted, dtype);
    if (!(units <= error)) [error, at] = [units, `${op}(${given}) is ${value}, expected ${wanted}`];
  });
  return { error, at };
}

const N = 10000;
const within = (limit: number, seed = 1) => uniform(N, seed).map((x) => x * limit);
const positive = (limit: number) => within(limit).map(Math.abs);
const nearOne = uniform(N, 3).map((x) => 1 + x * 0.01);
const tiny = uniform(1000, 4).map((x) => x * 10 ** (x * 15 - 15));
const magnitudes = uniform(N, 5).map((x) => 10 ** (x * 37));

/** Arguments, and the bounds of the error in float32 (exp and log lowered, too) and in float64 (exp and log given). */
const BOUNDS: readonly [op: ScalarOp, args: number[][], single: number, double: number | undefined][] = [
  ['exp', [within(100)], 1.1, undefined],
  ['log', [[...positive(100), ...nearOne, ...magnitudes]], 1.1, undefined],
  ['expm1', [[...within(88), ...within(1), ...tiny]], 2.5, 3],
  ['log1p', [[...positive(100), ...within(1), ...tiny]], 3, 3],
  ['sin', [within(10)], 2, 2],
  ['sin', [within(50000)], 3, 3],
  ['cos', [within(10)], 2, 2],
  ['cos', [within(50000)], 3, 3],
  ['atan', [[...within(5), ...within(1000), ...tiny]], 3, 2],
  ['erf', [[...within(5), ...within(1), ...tiny]], 2, 2],
  ['tanh', [[...within(12), ...within(1), ...tiny]], 4, 4],
  ['sigmoid', [within(87)], 3, 3],
  ['pow', [positive(10), within(30, 2)], 2, 200],
  ['pow', [magnitudes, within(1.2, 2)], 2, 200],
  ['pow', [nearOne, within(5000, 2)], 2, 200],
  ['rem', [within(10000), within(30, 2).map((x) => x + Math.sign(x))], 0, 0],
  ['mod', [within(10000), within(30, 2).map((x) => x + Math.sign(x))], 0.51, 0.51],
];

describe('lowered ops are accurate', () => {
  for (const [op, args, single, double] of BOUNDS) {
    const largest = Math.max(...args[0]).toPrecision(2);
    it(`${op} in float32, arguments to ${largest}: ${single} units of the last place`, async () => {
      expect(await worst(op, 'float32', args, PLAIN)).toSatisfy(({ error }) => error <= single);
      expect(await worst(op, 'float32', args, WITH_EXP)).toSatisfy(({ error }) => error <= single);
    });
    if (double === undefined) continue;
    it(`${op} in float64, arguments to ${largest}: ${double} units of the last place`, async () => {
      expect(await worst(op, 'float64', args, WITH_EXP)).toSatisfy(({ error }) => error <= double);
    });
  }
});

describe('every scalar case of the kit passes on what is left', () => {
  const machines = {
    'a plain machine with exp and log': WITH_EXP,
    'a plain machine': PLAIN,
    'the least': LEAST,
  };
  for (const [name, supported] of Object.entries(machines)) {
    it(name, async () => {
      const scalarOps = new Set(supported);
      const { backend } = await reference({ scalarOps }).start();
      for (const c of kernelCases()['scalar ops']) {
        if (!supported.includes('exp') && NEEDS_EXP_IN_FLOAT64.test(c.name)) {
          expect(() => lowerScalarOps(c.kernel, builder, scalarOps)).toThrow(NeuriteError);
          continue;
        }
        const program = await backend.compile(lowerScalarOps(c.kernel, builder, scalarOps));
        const actual = await runProgram(backend, program, c);
        const stated = actual.map((values, i) => c.expected?.[i] ?? values);
        expect({ [c.name]: describeMismatch(c, actual, stated) }).toEqual({ [c.name]: '' });
      }
    });
  }
});

describe('lowerScalarOps', () => {
  const i = loop('i', 4);
  const apply = (op: ScalarOp, dtype: DType): Kernel => ({
    name: `do_${op}`,
    buffers: [reads(4, dtype), writes(4, dtype)],
    scalars: [],
    nests: [pointwise([i], store(1, i.variable, builder.op(op, [load(0, i.variable, dtype)])))],
  });

  it('leaves a kernel alone that needs nothing', () => {
    const kernel = apply('exp', 'float32');
    expect(lowerScalarOps(kernel, builder, new Set(WITH_EXP))).toBe(kernel);
  });

  it('refuses by name what has no form', () => {
    expect(() => lowerScalarOps(apply('sqrt', 'float32'), builder, new Set(['add']))).toThrow(
      'do_sqrt: sqrt of float32 has no form in the scalar ops that the backend supports',
    );
    expect(() => lowerScalarOps(apply('tanh', 'float64'), builder, new Set(PLAIN))).toThrow('exp of float64');
    expect(() =>
      lowerScalarOps(apply('floor', 'float64'), builder, new Set(['add', 'mul', 'where'])),
    ).toThrow(NeuriteError);
  });
});
