import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { affineOf, rangeOf } from '../src/kernel/affine.js';
import { createExprBuilder, type ExprBuilder } from '../src/kernel/expr.js';
import type { Expr, ScalarOp, VarExpr } from '../src/kernel/ir.js';
import { evaluateScalar } from '../src/kernel/scalar.js';

/** A recipe for an index expression, built twice: once simplified, once as it stands. */
type Recipe =
  | { kind: 'var'; index: number }
  | { kind: 'const'; value: number }
  | { kind: 'op'; op: ScalarOp; args: Recipe[] };

const recipe = fc.letrec<{ tree: Recipe }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.record({ kind: fc.constant('var' as const), index: fc.integer({ min: 0, max: 2 }) }),
    fc.record({ kind: fc.constant('const' as const), value: fc.integer({ min: 0, max: 9 }) }),
    fc.record({
      kind: fc.constant('op' as const),
      op: fc.constantFrom<ScalarOp>('add', 'sub', 'min', 'max'),
      args: fc.tuple(tie('tree'), tie('tree')) as fc.Arbitrary<Recipe[]>,
    }),
    fc.record({
      kind: fc.constant('op' as const),
      op: fc.constantFrom<ScalarOp>('mul', 'div', 'rem', 'mod'),
      args: fc.tuple(
        tie('tree'),
        fc.record({ kind: fc.constant('const' as const), value: fc.integer({ min: 1, max: 12 }) }),
      ) as fc.Arbitrary<Recipe[]>,
    }),
  ),
})).tree;

type Build = (b: ExprBuilder, op: ScalarOp, args: Expr[]) => Expr;

function build(b: ExprBuilder, r: Recipe, vars: VarExpr[], make: Build): Expr {
  if (r.kind === 'var') return vars[r.index];
  if (r.kind === 'const') return b.constant(r.value, 'int32');
  return make(
    b,
    r.op,
    r.args.map((a) => build(b, a, vars, make)),
  );
}

/** Undefined where a division has a negative operand: that has no meaning in index arithmetic. */
function evaluate(e: Expr, env: Map<Expr, number>, strict: boolean): number | undefined {
  if (e.kind === 'const') return e.value;
  if (e.kind === 'var') return env.get(e);
  if (e.kind !== 'op') throw new Error(e.kind);
  const args = e.args.map((a) => evaluate(a, env, strict));
  if (args.some((a) => a === undefined)) return undefined;
  if (strict && (e.op === 'div' || e.op === 'rem' || e.op === 'mod') && args[0]! < 0) return undefined;
  return evaluateScalar(e.op, e.dtype, args as number[], e.args[0].dtype);
}

function* environments(vars: VarExpr[]): Iterable<Map<Expr, number>> {
  for (let i = 0; i < vars[0].size; i++)
    for (let j = 0; j < vars[1].size; j++)
      for (let k = 0; k < vars[2].size; k++)
        yield new Map<Expr, number>([
          [vars[0], i],
          [vars[1], j],
          [vars[2], k],
        ]);
}

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 4 }),
);

describe('index simplifier, by brute force', () => {
  it('keeps the value at every point', () => {
    fc.assert(
      fc.property(recipe, sizes, (r, dims) => {
        const b = createExprBuilder();
        const vars = dims.map((d, i) => b.variable(`v${i}`, d));
        const plain = build(b, r, vars, (bb, op, args) => bb.raw(op, args, 'int32'));
        const simple = build(b, r, vars, (bb, op, args) => bb.op(op, args));
        const { min, max } = rangeOf(simple);
        for (const env of environments(vars)) {
          const want = evaluate(plain, env, true);
          if (want === undefined) continue;
          const got = evaluate(simple, env, false);
          expect(got).toBe(want);
          expect(got).toBeGreaterThanOrEqual(min);
          expect(got).toBeLessThanOrEqual(max);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('keeps comparisons', () => {
    fc.assert(
      fc.property(
        recipe,
        recipe,
        fc.constantFrom<ScalarOp>('lt', 'le', 'eq', 'ne'),
        sizes,
        (r, s, op, dims) => {
          const b = createExprBuilder();
          const vars = dims.map((d, i) => b.variable(`v${i}`, d));
          const make: Build = (bb, o, args) => bb.raw(o, args, 'int32');
          const plain = b.raw(op, [build(b, r, vars, make), build(b, s, vars, make)], 'bool');
          const simple = b.op(op, [
            build(b, r, vars, (bb, o, a) => bb.op(o, a)),
            build(b, s, vars, (bb, o, a) => bb.op(o, a)),
          ]);
          for (const env of environments(vars)) {
            const want = evaluate(plain, env, true);
            if (want !== undefined) expect(evaluate(simple, env, false)).toBe(want);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('dissolves the index arithmetic of reshapes', () => {
    const b = createExprBuilder();
    const [i, j] = [b.variable('i', 6), b.variable('j', 8)];
    const c = (n: number) => b.constant(n, 'int32');
    const flat = b.op('add', [b.op('mul', [i, c(8)]), j]);
    expect(b.op('div', [flat, c(8)])).toBe(i);
    expect(b.op('rem', [flat, c(8)])).toBe(j);
    // [6, 8] as [12, 4]: row = 2i + j/4, column = j%4, and back to the flat position
    const row = b.op('div', [flat, c(4)]);
    const column = b.op('rem', [flat, c(4)]);
    expect(b.op('add', [b.op('mul', [row, c(4)]), column])).toBe(flat);
    expect([...affineOf(flat)!.terms]).toEqual([
      [i, 8],
      [j, 1],
    ]);
  });
});
