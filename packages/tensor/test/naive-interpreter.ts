/** A second interpreter of kernels, as plain as can be: it walks the expressions anew at every point. */
import type { DType } from '../src/dtype.js';
import { roundTo } from '../src/kernel/exact.js';
import type { Expr, Kernel, Loop, Phase, VarExpr } from '../src/kernel/ir.js';
import { COMBINING_OP, reductionIdentity } from '../src/kernel/reduce.js';
import { evaluateScalar } from '../src/kernel/scalar.js';

export function interpretNaively(
  kernel: Kernel,
  buffers: readonly number[][],
  scalars: readonly number[],
): number[][] {
  const memory = buffers.map((values) => [...values]);
  const variables = new Map<VarExpr, number>();
  const accs = new Map<number, { value: number; dtype: DType }>();

  /** `known` is what was already met in the same expression, whose paths can be exponentially many. */
  function evaluate(e: Expr, known = new Map<Expr, number>()): number {
    const value = known.get(e) ?? compute(e, known);
    known.set(e, value);
    return value;
  }

  function compute(e: Expr, known: Map<Expr, number>): number {
    switch (e.kind) {
      case 'const':
        return e.value;
      case 'var':
        return variables.get(e)!;
      case 'scalar':
        return roundTo(e.dtype)(scalars[e.slot]);
      case 'acc':
        return roundTo(e.dtype)(accs.get(e.acc)!.value);
      case 'load':
        return e.guard && evaluate(e.guard, known) === 0 ? 0 : memory[e.buffer][evaluate(e.index, known)];
      case 'op':
        return evaluateScalar(
          e.op,
          e.dtype,
          e.args.map((arg) => evaluate(arg, known)),
          e.op === 'where' ? e.dtype : e.args[0].dtype,
        );
    }
  }

  function forEach(loops: readonly Loop[], body: () => void): void {
    if (loops.length === 0) body();
    for (let i = 0; i < (loops[0]?.size ?? 0); i++) {
      variables.set(loops[0].variable, i);
      forEach(loops.slice(1), body);
    }
  }

  function run({ loops, reductions, stores }: Phase): void {
    for (const { acc, op, dtype } of reductions)
      accs.set(acc, { value: reductionIdentity(op, dtype), dtype });
    forEach(loops, () => {
      for (const { acc, op, dtype, value } of reductions) {
        // Float sums and products keep float64 until they are read.
        const wide = dtype.startsWith('float') ? 'float64' : dtype;
        accs.get(acc)!.value = evaluateScalar(
          COMBINING_OP[op],
          wide,
          [accs.get(acc)!.value, evaluate(value)],
          wide,
        );
      }
      const writes = stores
        .filter(({ guard }) => !guard || evaluate(guard) !== 0)
        .map(({ buffer, index, value, mode }) => ({
          buffer,
          mode,
          at: evaluate(index),
          value: evaluate(value),
        }));
      for (const { buffer, mode, at, value } of writes) {
        const { dtype } = kernel.buffers[buffer];
        memory[buffer][at] =
          mode === 'set' ? value : evaluateScalar(mode, dtype, [memory[buffer][at], value], dtype);
      }
    });
  }

  for (const nest of kernel.nests) forEach(nest.outer, () => nest.phases.forEach(run));
  return memory;
}
