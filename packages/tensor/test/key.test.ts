import { expect, it } from 'vitest';
import { createExprBuilder } from '../src/kernel/expr.js';
import type { Expr, Kernel } from '../src/kernel/ir.js';
import { kernelKey } from '../src/kernel/key.js';
import { printKernel } from '../src/kernel/print.js';
import { constant, op, pointwise, store, writes } from '../src/testkit/kernel-builder.js';
import { kernelCases } from '../src/testkit/kernels.js';

const kernels = (): Kernel[] =>
  Object.values(kernelCases())
    .flat()
    .map(({ kernel }) => kernel);
const storing = (value: Expr): Kernel => ({
  name: 'k',
  buffers: [writes(1, value.dtype)],
  scalars: [],
  nests: [pointwise([], store(0, constant(0, 'int32'), value))],
});

it('two kernels have one key exactly when they have one text', () => {
  const textOf = new Map<string, string>();
  const keyOf = new Map<string, string>();
  for (const kernel of kernels()) {
    const [key, text] = [kernelKey(kernel), printKernel(kernel)];
    expect(textOf.get(key) ?? text).toBe(text);
    expect(keyOf.get(text) ?? key).toBe(key);
    textOf.set(key, text);
    keyOf.set(text, key);
  }
  expect(keyOf.size).toBeGreaterThan(100);
});

it('kernels that are made again have the same keys', () => {
  expect(kernels().map(kernelKey)).toEqual(kernels().map(kernelKey));
});

it('tells apart numbers that JSON has no word for', () => {
  const b = createExprBuilder();
  const values = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e39, null];
  const keys = values.map((value) => kernelKey(storing(b.constant(value as number, 'float64'))));
  expect(new Set(keys).size).toBe(values.length);
});

it('tells apart which of two equal operations is used again', () => {
  const b = createExprBuilder();
  const [x, y] = [b.scalar(0, 'float32'), b.scalar(1, 'float32')];
  const [p, q] = [op('exp', x), op('exp', y)];
  expect(kernelKey(storing(op('add', op('mul', p, q), p)))).not.toBe(
    kernelKey(storing(op('add', op('mul', p, q), q))),
  );
});

it('takes expressions of any depth', () => {
  const b = createExprBuilder();
  const deep = (first: number): Expr => {
    let e: Expr = b.scalar(first, 'float32');
    for (let i = 0; i < 100_000; i++) e = b.op('exp', [e]);
    return e;
  };
  expect(kernelKey(storing(deep(7)))).not.toBe(kernelKey(storing(deep(8))));
});
