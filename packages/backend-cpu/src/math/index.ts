/**
 * Transcendental functions as WebAssembly code, by scalar op.
 *
 * Largest error for float32 in units of the last place of the exact result, over every 4099th bit pattern and the neighbours of each
 * power of two (test/math.test.ts, "float32 on its whole range"; `SHOW_ULPS=1` prints it):
 *
 *     exp 0.9   log 0.8   expm1 1.6   log1p 0.8   sin 1.5   cos 1.5   atan 1.4   erf 1.1   tanh 2.5   sigmoid 2.1   pow 0.5
 */
import type { ScalarOp } from '@neurite/tensor';
import { rare } from '../rare.js';
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import { exp, expm1, expOfNegative, sigmoid, tanh } from './exponential.js';
import { type FloatShape, type Lanes, lanesOf, type Value } from './lanes.js';
import { log, log1p } from './logarithm.js';
import { cos, sin } from './trigonometry.js';

export type { FloatShape } from './lanes.js';

interface MathOp {
  readonly arity: 1 | 2;
  /** Machine instructions for a vector of float32, about, judged by what it takes beside other code. */
  readonly cost: number;
  /** The arguments are held (cheap to push, any number of times); so is the result. */
  readonly emit: (v: Lanes, ...args: [Value, Value]) => Value;
  /** The same for arguments that are known to be small angles (the same bits), or not positive (`exp`). */
  readonly near?: (v: Lanes, x: Value) => Value;
}

/** Ops that WebAssembly has no instruction for. Rounding, absolute value and square roots are instructions. */
export const MATH = {
  exp: { arity: 1, cost: 20, emit: exp, near: expOfNegative },
  log: { arity: 1, cost: 35, emit: log },
  expm1: { arity: 1, cost: 30, emit: expm1 },
  log1p: { arity: 1, cost: 60, emit: log1p },
  // Two vectors of float64 for one of float32.
  sin: { arity: 1, cost: 90, emit: (v, x) => sin(v, x, rare().repairLarge), near: (v, x) => sin(v, x) },
  cos: { arity: 1, cost: 90, emit: (v, x) => cos(v, x, rare().repairLarge), near: (v, x) => cos(v, x) },
  atan: { arity: 1, cost: 35, emit: (v, x) => rare().atan(v, x) },
  erf: { arity: 1, cost: 65, emit: (v, x) => rare().erf(v, x) },
  tanh: { arity: 1, cost: 30, emit: tanh },
  sigmoid: { arity: 1, cost: 26, emit: sigmoid },
  pow: { arity: 2, cost: 400, emit: (v, x, y) => rare().pow(v, x, y) },
} as const satisfies Partial<Record<ScalarOp, MathOp>>;

export type MathName = keyof typeof MATH;

/** Those whose code has no branch whatever their arguments are. */
export const BRANCHLESS: ReadonlySet<ScalarOp> = new Set<ScalarOp>(['expm1', 'atan', 'tanh', 'erf']);

/** The function `(v128) → v128` (`pow`: `(v128, v128) → v128`) of an op, added to the module when first asked for. */
export function mathFunction(
  module: ModuleBuilder,
  op: MathName,
  shape: FloatShape,
  isNear = false,
): FunctionBuilder {
  const { arity, emit, near } = MATH[op] as MathOp;
  const name = isNear && near ? `${op}Near` : op;
  return module.helper(`${name}.${shape}`, arity === 1 ? ['v128'] : ['v128', 'v128'], ['v128'], (f) => {
    const args = [() => f.get(0), () => f.get(1)] as const;
    ((isNear && near) || emit)(lanesOf(module, f, shape), ...args)();
  });
}

/**
 * Writes an op's code into `f` itself, where a loop keeps its constants in registers. The arguments are locals; returns the
 * local of the result.
 */
export function inlineMath(
  module: ModuleBuilder,
  f: FunctionBuilder,
  op: MathName,
  shape: FloatShape,
  locals: readonly number[],
  isNear = false,
): Value {
  const args = [0, 1].map((i) => () => f.get(locals[i]!)) as [Value, Value];
  const { emit, near } = MATH[op] as MathOp;
  return ((isNear && near) || emit)(lanesOf(module, f, shape), ...args);
}
