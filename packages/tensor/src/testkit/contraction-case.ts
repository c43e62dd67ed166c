/** A contraction as a kernel: with the loops that it stands for and an epilogue. */
import type { DType } from '../dtype.js';
import type { ConvContraction, Expr, Loop, MatmulContraction, Phase } from '../kernel/ir.js';
import { kernelCase, uniform, values } from './case.js';
import type { KernelCase, Tolerance } from './harness.js';
import {
  acc,
  builder,
  constant,
  load,
  nest,
  op,
  phase,
  reads,
  reduction,
  store,
  updates,
  writes,
} from './kernel-builder.js';

const TOLERANCE: Readonly<Record<string, Tolerance>> = {
  float32: { rtol: 1e-5, atol: 1e-4 },
  float64: { rtol: 1e-12, atol: 1e-12 },
  // A tuned product need not round each term to float16 before it is added, as the plain loops do: up to 18 terms of 2 to 4.
  float16: { rtol: 2e-3, atol: 2e-2 },
};

export const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

export type Epilogue = 'none' | 'biasRelu' | 'two' | 'inPlace';

/** Epilogues over the outer loops: buffer 2 is the bias (or updated in place), buffers 3 and 4 are results. */
function epilogue(kind: Epilogue, at: Expr, column: Expr, dtype: DType): Phase {
  const sum = acc(0, dtype);
  const biased = op('add', sum, load(2, column, dtype));
  const positive = op('lt', constant(0, dtype), biased);
  switch (kind) {
    case 'none':
      return phase([], { stores: [store(3, at, sum)] });
    case 'biasRelu':
      return phase([], { stores: [store(3, at, op('where', positive, biased, constant(0, dtype)))] });
    case 'two':
      return phase([], { stores: [store(3, at, biased), store(4, at, positive)] });
    case 'inPlace': {
      const step = op('mul', builder.scalar(0, dtype), sum);
      return phase([], { stores: [store(2, at, op('sub', load(2, at, dtype), step))] });
    }
  }
}

export function contractionCase(
  name: string,
  contraction: MatmulContraction | ConvContraction,
  sizes: { lhs: number; rhs: number; out: number; columns: number },
  loops: { outer: readonly Loop[]; inner: readonly Loop[] },
  operands: readonly [Expr, Expr],
  at: Expr,
  column: Expr,
  { dtype = 'float32', kind = 'none' }: { dtype?: DType; kind?: Epilogue },
): KernelCase {
  const inPlace = kind === 'inPlace';
  const extra = inPlace ? sizes.out : sizes.columns;
  return kernelCase(
    name,
    [
      reads(sizes.lhs, dtype),
      reads(sizes.rhs, dtype),
      inPlace ? updates(extra, dtype) : reads(extra, dtype),
      writes(inPlace ? 0 : sizes.out, dtype),
      writes(kind === 'two' ? sizes.out : 0, 'bool'),
    ],
    [
      nest(
        loops.outer,
        [
          phase(loops.inner, { reductions: [reduction(0, 'sum', op('mul', ...operands))] }),
          epilogue(kind, at, column, dtype),
        ],
        contraction,
      ),
    ],
    // Integers keep a comparison with 0 in the epilogue on the same side on every backend.
    [
      values(dtype, sizes.lhs, 1).map((x) => (kind === 'two' ? Math.round(x) : x)),
      values(dtype, sizes.rhs, 2).map((x) => (kind === 'two' ? Math.round(x) : x)),
      kind === 'two' ? uniform(extra, 3).map(Math.round) : values(dtype, extra, 3),
      undefined,
      undefined,
    ],
    {
      scalarTypes: [dtype],
      scalars: [dtype === 'int32' ? 3 : 0.5],
      tolerance: TOLERANCE[dtype] ?? {},
    },
  );
}

export const rowMajor = (sizes: readonly number[]) => sizes.map((_, i) => product(sizes.slice(i + 1)));
