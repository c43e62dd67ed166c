/**
 * float16. No software adapter has `shader-f16`: code with f16 is judged by Dawn's compiler, on its device that runs nothing, and read;
 * the code without it runs.
 */
import { onAnyGpu } from '@neurite/browser';
import {
  createExprBuilder,
  type DType,
  type Expr,
  type Kernel,
  rand,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { type KernelCase, kernelCases, lowerScalarOps } from '@neurite/tensor/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { webgpu } from '../src/index.js';
import { namedShader } from '../src/wgsl/attention/index.js';
import { contractionShader } from '../src/wgsl/contractions.js';
import { kernelShader as shaderOf } from '../src/wgsl/kernelShader.js';
import type { Shader } from '../src/wgsl/module.js';
import { SPELLED } from '../src/wgsl/operations.js';

const b = createExprBuilder();
const MAX_BUFFERS = 8;
const kernelShader = (kernel: Kernel, hasHalf: boolean): Shader =>
  shaderOf(kernel, { hasSubgroups: false, hasHalf, maxBuffers: MAX_BUFFERS });

/** out1[i, j] = value(in0[i, j]), rows · columns numbers of a dtype. */
function elementwise(dtype: DType, rows: number, columns: number, value: (x: Expr) => Expr): Kernel {
  const [i, j] = [b.variable('i', rows), b.variable('j', columns)];
  const index = b.op('add', [b.op('mul', [i, b.constant(columns, 'int32')]), j]);
  const stored = value(b.load(0, index, dtype));
  return {
    name: 'elementwise',
    buffers: [
      { dtype, size: rows * columns, access: 'read' },
      { dtype: stored.dtype, size: rows * columns, access: 'write' },
    ],
    scalars: [],
    nests: [
      {
        outer: [
          { variable: i, size: rows },
          { variable: j, size: columns },
        ],
        phases: [
          {
            loops: [],
            ordered: false,
            reductions: [],
            stores: [{ buffer: 1, index, value: stored, mode: 'set', guard: null }],
          },
        ],
        contraction: null,
      },
    ],
  };
}

/** A named kernel of attention: 5 queries and 7 keys of 3 numbers. */
function attentionKernel(op: string, outputs: readonly string[]): Kernel {
  const rows: readonly (readonly [DType, number, number])[] = [
    ['float16', 5, 3],
    ['float16', 7, 3],
    ['float16', 7, 3],
    ...(op === 'attention'
      ? []
      : ([
          ['float16', 5, 3],
          ['float32', 5, 1],
          ['float32', 5, 1],
        ] as const)),
    ['bool', 5, 7],
  ];
  const results = outputs.map((name): readonly [DType, number, number] =>
    name === 'attentionLogSumExp' ? ['float32', 5, 1] : ['float16', /Key|Value/.test(name) ? 7 : 5, 3],
  );
  const all = [...rows, ...results];
  const viewOf = (buffer: number) => {
    const [, down, across] = all[buffer];
    return { buffer, offset: 0, shape: [down, across], strides: [across, 1] };
  };
  return {
    name: op,
    buffers: all.map(([dtype, down, across], i) => ({
      dtype,
      size: down * across,
      access: i < rows.length ? 'read' : 'write',
    })),
    scalars: [],
    nests: [],
    named: {
      op,
      params: { scale: 0.5, causal: false },
      inputs: rows.map((_, i) => viewOf(i)),
      outputs: outputs.map((name, i) => ({ name, ...viewOf(rows.length + i) })),
      flops: 0,
    },
  };
}

const squareAndOne = (x: Expr): Expr => b.op('add', [b.op('mul', [x, x]), b.constant(1, 'float16')]);

describe('with f16', () => {
  test('arithmetic is plain', () => {
    const { source } = kernelShader(elementwise('float16', 3, 5, squareAndOne), true);
    expect(source).toContain('enable f16;');
    expect(source).toContain('var<storage, read> in0: array<f16>;');
    expect(source).toContain('var<storage, read_write> out1: array<f16>;');
    expect(source).toMatch(/let t\d = in0\[.*\];/);
    expect(source).toMatch(/out1\[.*\] = \(\(t\d \* t\d\) \+ 1\.0h\);/);
    expect(source).not.toContain('half');
  });

  test('what f16 rounds badly is computed in float32 and rounded', () => {
    const root = kernelShader(
      elementwise('float16', 3, 5, (x) => b.op('sqrt', [x])),
      true,
    ).source;
    expect(root).toMatch(/= to_half\(sqrt\(f32\(in0\[.*\]\)\)\);/);
    const cast = kernelShader(
      elementwise('float32', 3, 5, (x) => b.op('cast', [x], 'float16')),
      true,
    );
    expect(cast.source).toContain('= to_half(in0[');
  });

  test('kernels without float16 are as they were', () => {
    const kernel = elementwise('float32', 3, 5, (x) => b.op('mul', [x, x]));
    expect(kernelShader(kernel, true).source).toBe(kernelShader(kernel, false).source);
  });

  describe('compiles', () => {
    // Held on to: without it the device goes too.
    let gpu: GPU | null;
    let device: GPUDevice;
    beforeAll(async () => {
      const { create } = await import('webgpu');
      gpu = create(['backend=null']);
      const adapter = await gpu.requestAdapter();
      device = await adapter!.requestDevice({ requiredFeatures: ['shader-f16'] });
    });
    afterAll(async () => {
      device.destroy();
      // What Dawn has in the event loop does not keep it alive (adapter.ts).
      for (let turns = 0; turns < 8; turns++) await new Promise((resolve) => setImmediate(resolve));
      gpu = null;
    });

    const isHalf = ({ kernel }: KernelCase) =>
      kernel.buffers.every(({ dtype }) => dtype !== 'float64') &&
      kernel.buffers.some(({ dtype }) => dtype === 'float16');
    const halves = Object.values(kernelCases()).flat().filter(isHalf);

    const complaintsAbout = async ({ source }: Shader): Promise<string[]> => {
      expect(source).toContain('enable f16;');
      const { messages } = await device.createShaderModule({ code: source }).getCompilationInfo();
      return messages.map(({ message, lineNum }) => `${lineNum}: ${message}`);
    };

    test.each([
      ['attention', ['attention', 'attentionLogSumExp']],
      ['attentionGradQuery', ['attentionGradQuery']],
      ['attentionGradKeyValue', ['attentionGradKey', 'attentionGradValue']],
    ])('%s, which rounds once', async (op, outputs) => {
      const shader = namedShader(attentionKernel(op, outputs), 2 ** 14, true);
      expect(await complaintsAbout(shader)).toEqual([]);
      expect(shader.source).toMatch(/out\d+\[.*\] = to_half\(/);
      expect(shader.source).toMatch(/f32\(in0\[.*\]\)/);
    });

    test('there are cases of all kinds', () => {
      expect(halves.length).toBeGreaterThan(20);
      expect(halves.some(({ kernel }) => kernel.nests[0].contraction?.op === 'matmul')).toBe(true);
    });

    test.each(halves.map((c) => [c.name, c] as const))('%s', async (_, { kernel: made }) => {
      const kernel = lowerScalarOps(made, b, SPELLED);
      const shaders = [kernelShader(kernel, true), contractionShader(kernel, MAX_BUFFERS, true)];
      for (const shader of shaders) {
        if (shader) expect(await complaintsAbout(shader)).toEqual([]);
      }
    });
  });
});

describe('without f16', () => {
  test.each<readonly [string, DType, number, number, boolean]>([
    ['even rows of halves', 'float16', 3, 4, true],
    ['odd rows of halves', 'float16', 4, 3, false],
    ['rows of four bytes', 'uint8', 3, 8, true],
    ['rows of two bytes', 'uint8', 3, 6, false],
  ])('%s are stored by plain words or by atomics', (_, dtype, rows, columns, isPlain) => {
    const { source, stages } = kernelShader(
      elementwise(dtype, rows, columns, (x) => b.op('add', [x, x])),
      false,
    );
    expect(source.includes('atomic')).toBe(!isPlain);
    expect(source).not.toContain('enable');
    expect(stages[0].workgroups).toBe(1);
  });

  test('an invocation of whole words takes several points', () => {
    const points = (dtype: DType): number =>
      kernelShader(
        elementwise(dtype, 64, 64, (x) => b.op('add', [x, x])),
        false,
      ).stages[0].workgroups;
    expect([points('float32'), points('float16'), points('uint8')]).toEqual([64, 32, 16]);
  });

  describe('on a device, every kernel checked by the reference backend', () => {
    beforeAll(async () => {
      await use(onAnyGpu(webgpu()), { log: false, validateWith: reference() });
    });

    const half = (...shape: number[]): Tensor => rand(shape).sub(0.5).half();
    const cases: readonly (readonly [string, () => Tensor])[] = [
      ['whole words', () => half(6, 10).mul(3).add(1)],
      ['odd rows', () => half(5, 7).mul(3)],
      ['transposed', () => half(6, 4).transpose(0, 1).add(1)],
      ['a slice at an odd place', () => half(8, 9).slice(1, 1, 7).mul(2)],
      ['rows that are joined', () => half(4, 6).mul(2).cumsum(1)],
      ['two dtypes side by side', () => half(4, 8).gt(0).to('float16').add(half(4, 8))],
      ['bytes', () => half(4, 8).gt(0)],
      ['sums', () => half(40, 70).sum(0)],
      ['softmax', () => half(7, 12).softmax(1)],
    ];
    test.each(cases)('%s', async (_, make) => {
      const values = await make().data();
      expect(values.some((x) => x !== 0)).toBe(true);
      expect(values.every(Number.isFinite)).toBe(true);
    });

    // Not by the reference backend, which rounds after each term: the sum in float32 of the same halves, rounded once.
    test.each([
      [24, 64, 40],
      [23, 65, 41],
      [2, 256, 64],
    ])('a product of %i by %i and %i numbers', async (m, k, n) => {
      await use(onAnyGpu(webgpu()), { log: false });
      const [x, y] = [half(m, k), half(k, n)];
      const exact = await x.float().matmul(y.float()).data();
      const rounded = await x.matmul(y).data();
      for (const [i, value] of rounded.entries())
        expect(Math.abs(value - exact[i])).toBeLessThanOrEqual(2 ** -11 * Math.abs(exact[i]) + 2 ** -20);
    });

    test('values in place, in words of which one element stays', async () => {
      const x = tensor([1, 2, 3, 4, 5, 6]).half() as Tensor;
      expect(
        Array.from(await x.scatter(0, tensor(Int32Array.of(4, 1)), tensor([9, 8]).half()).data()),
      ).toEqual([1, 8, 3, 4, 9, 6]);
    });
  });
});
