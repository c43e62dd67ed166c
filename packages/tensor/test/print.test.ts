import { describe, expect, it } from 'vitest';
import { createExprBuilder } from '../src/kernel/expr.js';
import type { Expr, Kernel } from '../src/kernel/ir.js';
import { printKernel } from '../src/kernel/print.js';
import {
  acc,
  builder,
  cast,
  constant,
  index,
  load,
  loop,
  nest,
  op,
  phase,
  pointwise,
  reads,
  reduction,
  store,
  updates,
  within,
  writes,
} from '../src/testkit/kernel-builder.js';
import { kernelCases } from '../src/testkit/kernels.js';

function find(name: string): Kernel {
  const found = Object.values(kernelCases())
    .flat()
    .find((c) => c.name === name);
  if (!found) throw new Error(`no case ${name}`);
  return found.kernel;
}

/** A kernel that stores one float32 expression. */
const storing = (value: Expr): Kernel => ({
  name: 'k',
  buffers: [reads(1), writes(1, value.dtype)],
  scalars: ['float32', 'float32', 'float32'],
  nests: [pointwise([], store(1, constant(0, 'int32'), value))],
});
const valueText = (value: Expr) =>
  printKernel(storing(value)).split('\n').at(-1)!.trim().slice('out1[0] = '.length);

describe('printKernel', () => {
  it('shows loops, reductions, lets and stores', () => {
    expect(printKernel(find('softmax of [4, 3] float32'))).toBe(
      [
        'kernel softmax_of_4_3_float32(in0: float32[12], out1: float32[12])',
        'nest r < 4',
        '  for a < 3',
        '    acc0: float32 max= in0[r * 3 + a]',
        '  for b < 3',
        '    acc1: float32 += exp(in0[r * 3 + b] - acc0)',
        '  for c < 3',
        '    let t0 = r * 3 + c',
        '    out1[t0] = exp(in0[t0] - acc0) / acc1',
      ].join('\n'),
    );
  });

  it('shows guards, modes, order, scalars and contractions', () => {
    const [i, k] = [loop('i', 8), loop('i', 3)];
    const at = index(-1, [i, 1]);
    const kernel: Kernel = {
      name: 'all',
      buffers: [reads(6), updates(8), reads(3, 'int32')],
      scalars: ['float32'],
      nests: [
        nest(
          [i],
          [
            phase([k], {
              ordered: true,
              reductions: [reduction(0, 'prod', load(0, at, 'float32', within(at, 6)))],
            }),
            phase([], {
              stores: [
                store(1, i.variable, op('mul', acc(0), builder.scalar(0, 'float32')), {
                  mode: 'add',
                  guard: op('lt', i.variable, load(2, constant(0, 'int32'), 'int32')),
                }),
              ],
            }),
          ],
        ),
      ],
    };
    expect(printKernel(kernel)).toBe(
      [
        'kernel all(in0: float32[6], io1: float32[8], in2: int32[3], s0: float32)',
        'nest i < 8',
        '  for i_2 < 3 ordered',
        '    let t0 = i + -1',
        '    acc0: float32 *= in0[t0 if (0 <= t0) & (t0 < 6)]',
        '  once',
        '    io1[i] += acc0 * s0 if i < in2[0]',
      ].join('\n'),
    );
    expect(printKernel(find('matmul [3,7] @ [7,5] float32, epilogue none'))).toContain(
      '  contraction matmul: batch [], m 3, n 5, k 7, lhs in0+0 {batch [], m 7, k 1}, rhs in1+0 {batch [], k 5, n 1}\n',
    );
  });

  it('puts parentheses where they matter, and tells dtypes apart', () => {
    const [a, b, c] = [0, 1, 2].map((slot) => builder.scalar(slot, 'float32'));
    expect(valueText(op('sub', op('sub', a, b), c))).toBe('s0 - s1 - s2');
    expect(valueText(op('sub', a, op('sub', b, c)))).toBe('s0 - (s1 - s2)');
    expect(valueText(op('mul', op('add', a, b), c))).toBe('(s0 + s1) * s2');
    expect(valueText(op('add', op('mul', a, b), c))).toBe('s0 * s1 + s2');
    expect(valueText(op('and', op('lt', a, b), op('lt', b, c)))).toBe('(s0 < s1) & (s1 < s2)');
    expect(valueText(op('neg', op('add', a, constant(1))))).toBe('neg(s0 + 1.0)');
    expect(valueText(cast('int32', op('mod', a, constant(-0))))).toBe('int32(mod(s0, -0.0))');
    const literals = (['float64', 'float16', 'uint32', 'int8', 'uint8', 'int32', 'float32'] as const).map(
      (dtype) => valueText(constant(1, dtype)),
    );
    expect(literals).toEqual(['1.0d', '1.0h', '1u', '1i8', '1u8', '1', '1.0']);
    expect(valueText(constant(1, 'bool'))).toBe('true');
    expect(valueText(constant(Number.NaN))).toBe('NaN');
    expect(valueText(constant(1e-7))).toBe('1e-7');
  });

  it('does not depend on the builder or on what it made before', () => {
    const text = () => {
      const b = createExprBuilder();
      const variable = b.variable('t1', 5);
      const x = b.load(0, variable, 'float32');
      const value = b.op('add', [b.op('exp', [x]), b.op('exp', [x])]);
      return printKernel({
        name: 'k',
        buffers: [reads(5), writes(5)],
        scalars: [],
        nests: [pointwise([{ variable, size: 5 }], store(1, variable, value))],
      });
    };
    constant(123);
    expect(text()).toBe(text());
    expect(text()).toContain('    let t0 = exp(in0[t1_])\n    out1[t1_] = t0 + t0');
  });

  it('gives every case of the kit a text of its own', () => {
    const kernels = Object.values(kernelCases())
      .flat()
      .map((c) => ({ ...c.kernel, name: c.name }));
    expect(new Set(kernels.map(printKernel)).size).toBe(new Set(kernels.map((k) => k.name)).size);
  });
});
