/** Contractions as products in tiles. */
import type { ConvContraction, Kernel, MatmulContraction, Nest } from '@neurite/tensor';
import type { ModuleScope } from './expressions.js';
import { assemble, createScope, type ModulePart, nestPart, type Shader } from './module.js';
import { sizeOf } from './strategy.js';
import { chooseTiles, isPlainProduct, type Operand, type Product, tileFunction } from './tiles.js';

/** A tuned shader for a kernel with contractions; null where its own loops are as good. */
export function contractionShader(kernel: Kernel): Shader | null {
  const scope = createScope(kernel);
  const nests = kernel.nests.filter((nest) => sizeOf(nest.outer) > 0);
  const plans = nests.map((nest) => planOf(nest, scope));
  const shapes = plans.flatMap((plan) => (plan ? [plan.shape] : []));
  if (shapes.length === 0) return null;
  // All parts of a dispatch have workgroups of one size.
  const largest = shapes.reduce((a, b) => (a.group >= b.group ? a : b));
  const parts = nests.map((nest, i): ModulePart => {
    const plan = plans[i];
    const name = `nest${i}`;
    if (!plan) return nestPart(name, nest, scope, largest.group);
    return { name, ...tileFunction(name, nest, plan.product, largest, scope) };
  });
  return assemble(scope, parts, largest.group);
}

function planOf(nest: Nest, scope: ModuleScope) {
  const { contraction } = nest;
  if (!contraction || !isPlainProduct(nest)) return null;
  const product =
    contraction.op === 'matmul' ? matmulProduct(contraction, scope) : convProduct(contraction, scope);
  const shape = chooseTiles(product);
  return shape && { product, shape };
}

/** Σ stride·name, without the terms that are 0. */
function linear(offset: number, terms: readonly (readonly [name: string, stride: number])[]): string {
  const texts = terms
    .filter(([, stride]) => stride !== 0)
    .map(([name, stride]) => (stride === 1 ? name : `${name} * ${stride}`));
  if (offset || texts.length === 0) texts.push(String(offset));
  return texts.join(' + ');
}

/** Takes a row-major position apart: a name and a statement for each size. */
function split(
  position: string,
  sizes: readonly number[],
  prefix: string,
): { names: string[]; lines: string[] } {
  let stride = 1;
  const names = sizes.map((_, i) => `${prefix}${i}`);
  const lines: string[] = [];
  for (let i = sizes.length - 1; i >= 0; i--) {
    const quotient = stride === 1 ? position : `${position} / ${stride}`;
    const value = sizes[i] === 1 ? '0' : i === 0 ? quotient : `(${quotient}) % ${sizes[i]}`;
    lines.unshift(`let ${names[i]} = ${value};`);
    stride *= sizes[i];
  }
  return { names, lines };
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

function matmulProduct({ batch, m, n, k, lhs, rhs }: MatmulContraction, { buffers }: ModuleScope): Product {
  const side = (
    {
      buffer,
      offset,
      strides,
    }: { buffer: number; offset: number; strides: { batch: readonly number[]; k: number } },
    rows: number,
    rowStride: number,
  ): Operand => ({
    rows,
    isKFastest: strides.k === 1,
    load(row, at) {
      const { names, lines } = split('batch', batch, 'b');
      const used = strides.batch.some((stride) => stride !== 0);
      const index = linear(offset, [
        ...names.map((name, i) => [name, strides.batch[i]] as const),
        [row, rowStride],
        [at, strides.k],
      ]);
      return { before: used ? lines : [], value: buffers[buffer].load(index, null) };
    },
  });
  return {
    lhs: side(lhs, m, lhs.strides.m),
    rhs: side(rhs, n, rhs.strides.n),
    k,
    batch: product(batch),
    position: (row, column) => `(batch * ${m} + ${row}) * ${n} + ${column}`,
  };
}

/** Rows are output channels, columns the positions of all outputs of the batch, k the patch under the filter. */
function convProduct(conv: ConvContraction, { buffers }: ModuleScope): Product {
  const { batch, groups, outChannels, inChannels, outputSize, inputSize, kernelSize, weight, input } = conv;
  const positions = product(outputSize);
  const taps = product(kernelSize);
  const patch = [inChannels, ...kernelSize];
  return {
    lhs: {
      rows: outChannels,
      isKFastest: weight.strides.kernel.at(-1) === 1,
      load(row, k) {
        const { names, lines } = split(k, patch, 'c');
        const [channel, ...taps] = names;
        const index = linear(weight.offset, [
          ['batch', weight.strides.group],
          [row, weight.strides.out],
          [channel, weight.strides.channel],
          ...taps.map((tap, i) => [tap, weight.strides.kernel[i]] as const),
        ]);
        return { before: lines, value: buffers[weight.buffer].load(index, null) };
      },
    },
    rhs: {
      rows: batch * positions,
      isKFastest: false,
      load(row, k) {
        const column = split(row, [batch, ...outputSize], 'y');
        const term = split(k, patch, 'c');
        const [sample, ...outputs] = column.names;
        const [channel, ...taps] = term.names;
        const before = [...column.lines, ...term.lines];
        const conditions: string[] = [];
        const places = outputs.map((y, i) => {
          const [stride, dilation, padding, inputDilation] = [
            conv.stride[i],
            conv.dilation[i],
            conv.padding[i],
            conv.inputDilation[i],
          ];
          before.push(
            `let p${i} = ${linear(-padding, [
              [y, stride],
              [taps[i], dilation],
            ])};`,
          );
          if (inputDilation === 1) {
            conditions.push(`p${i} >= 0`, `p${i} < ${inputSize[i]}`);
            return `p${i}`;
          }
          before.push(`let x${i} = p${i} / ${inputDilation};`);
          conditions.push(`p${i} >= 0`, `p${i} % ${inputDilation} == 0`, `x${i} < ${inputSize[i]}`);
          return `x${i}`;
        });
        const index = linear(input.offset, [
          [sample, input.strides.batch],
          ['batch', input.strides.group],
          [channel, input.strides.channel],
          ...places.map((place, i) => [place, input.strides.spatial[i]] as const),
        ]);
        return { before, value: buffers[input.buffer].load(index, conditions.join(' && ') || null) };
      },
    },
    k: inChannels * taps,
    batch: groups,
    // The nest's outer loops are n, g, o, y….
    position: (row, column) =>
      `((${column} / ${positions} * ${groups} + batch) * ${outChannels} + ${row}) * ${positions} + ${column} % ${positions}`,
  };
}
