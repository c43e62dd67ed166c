import { describe, expect, it } from 'vitest';
import { reference } from '../src/backend/reference.js';
import type { ConvContraction, Kernel, MatmulContraction, Nest } from '../src/kernel/ir.js';
import { type KernelCase, runProgram } from '../src/testkit/harness.js';
import { acc, index, nest, phase, store, writes } from '../src/testkit/kernel-builder.js';
import { kernelCases } from '../src/testkit/kernels.js';

/** All indices of an array of these sizes, in row-major order. */
function* indices(sizes: readonly number[]): Generator<number[]> {
  if (sizes.length === 0) yield [];
  else for (let i = 0; i < sizes[0]; i++) for (const rest of indices(sizes.slice(1))) yield [i, ...rest];
}

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** The sums that `MatmulContraction` is documented to stand for. */
function matmulSums(c: MatmulContraction, lhs: readonly number[], rhs: readonly number[]): number[] {
  return [...indices([...c.batch, c.m, c.n])].map((point) => {
    const batch = point.slice(0, -2);
    const [m, n] = point.slice(-2);
    let sum = 0;
    for (let k = 0; k < c.k; k++) {
      const l = c.lhs.offset + dot(c.lhs.strides.batch, batch) + c.lhs.strides.m * m + c.lhs.strides.k * k;
      const r = c.rhs.offset + dot(c.rhs.strides.batch, batch) + c.rhs.strides.k * k + c.rhs.strides.n * n;
      sum += lhs[l] * rhs[r];
    }
    return sum;
  });
}

/** The sums that `ConvContraction` is documented to stand for. */
function convSums(c: ConvContraction, input: readonly number[], weight: readonly number[]): number[] {
  return [...indices([c.batch, c.groups, c.outChannels, ...c.outputSize])].map(([n, g, o, ...y]) => {
    let sum = 0;
    for (const [channel, ...t] of indices([c.inChannels, ...c.kernelSize])) {
      const p = y.map((position, d) => position * c.stride[d] + t[d] * c.dilation[d] - c.padding[d]);
      const x = p.map((position, d) => position / c.inputDilation[d]);
      if (x.some((position, d) => position < 0 || !Number.isInteger(position) || position >= c.inputSize[d]))
        continue;
      const { batch, group, channel: along, spatial } = c.input.strides;
      const from = c.input.offset + batch * n + group * g + along * channel + dot(spatial, x);
      const w = c.weight.strides;
      const tap = c.weight.offset + w.group * g + w.out * o + w.channel * channel + dot(w.kernel, t);
      sum += input[from] * weight[tap];
    }
    return sum;
  });
}

/** The kernel of a case with its sums as only result, in the order of the outer loops. */
function sumsOnly({ kernel }: KernelCase): { kernel: Kernel; size: number } {
  const [{ outer, phases }]: readonly Nest[] = kernel.nests;
  const size = outer.reduce((n, loop) => n * loop.size, 1);
  const strides = outer.map((_, i) => outer.slice(i + 1).reduce((n, loop) => n * loop.size, 1));
  const at = index(0, ...outer.map((loop, i) => [loop, strides[i]] as const));
  const { dtype } = kernel.buffers[0];
  const result = phase([], { stores: [store(2, at, acc(0, dtype))] });
  const buffers = [kernel.buffers[0], kernel.buffers[1], writes(size, dtype)];
  return { kernel: { ...kernel, buffers, scalars: [], nests: [nest(outer, [phases[0], result])] }, size };
}

describe('the loops of the kit’s contractions are what their records say', async () => {
  const { backend } = await reference().start();
  const groups = kernelCases();
  for (const c of [...groups['matrix products'], ...groups.convolutions]) {
    const { dtype } = c.kernel.buffers[0];
    if (dtype === 'float16') continue;
    it(c.name, async () => {
      const { contraction } = c.kernel.nests[0];
      const [lhs, rhs] = c.inputs.map((values) => values!);
      const sums =
        contraction?.op === 'matmul' ? matmulSums(contraction, lhs, rhs) : convSums(contraction!, lhs, rhs);
      const { kernel, size } = sumsOnly(c);
      const run = await runProgram(backend, await backend.compile(kernel), {
        kernel,
        inputs: [lhs, rhs, undefined],
        scalars: [],
      });
      expect(sums).toHaveLength(size);
      const worst = Math.max(0, ...sums.map((sum, i) => Math.abs(sum - run[2][i]) / (1 + Math.abs(sum))));
      expect(worst).toBeLessThan(1e-5);
    });
  }
});
