/**
 * Convolutions as products: rows are output channels, columns the positions of all outputs of the batch, k goes over the patch under the
 * filter (channel by channel), and there is a product for each group.
 */
import type { ConvContraction, Kernel } from '@neurite/tensor';
import { affineOperand, type Operand, runOf } from './operand.js';
import { atom, collapse, linear, product, unravel, type Walk } from './positions.js';
import type { Product } from './product.js';

export function convProduct(conv: ConvContraction, { buffers }: Kernel): Product {
  const { batch, groups, outChannels, inChannels, outputSize, kernelSize, weight } = conv;
  const filter = affineOperand(
    {
      side: 'lhs',
      rows: outChannels,
      buffer: weight.buffer,
      offset: weight.offset,
      batch: collapse([groups], [weight.strides.group]),
      row: collapse([outChannels], [weight.strides.out]),
      k: collapse([inChannels, ...kernelSize], [weight.strides.channel, ...weight.strides.kernel]),
    },
    buffers,
  );
  const [sample, ...place] = unravel('n', [batch, ...outputSize]);
  return {
    lhs: filter,
    rhs: conv.outputSize.some((_, d) => isGuarded(conv, d)) ? patches(conv) : wholePatches(conv, buffers),
    k: inChannels * product(kernelSize),
    batch: groups,
    // The nest's outer loops are n, g, o, y….
    position: [sample, 'batch', 'm', ...place],
  };
}

/** Whether a patch reaches over the edge of the input along a dimension, or into its gaps. */
export function isGuarded(conv: ConvContraction, d: number): boolean {
  const last = (conv.outputSize[d] - 1) * conv.stride[d] + (conv.kernelSize[d] - 1) * conv.dilation[d];
  return conv.inputDilation[d] > 1 || conv.padding[d] > 0 || last - conv.padding[d] >= conv.inputSize[d];
}

/** How addresses grow with positions and with taps, where the input has no gaps. */
function walksOf({ batch, inChannels, outputSize, kernelSize, stride, dilation, input }: ConvContraction): {
  readonly row: Walk;
  readonly k: Walk;
} {
  const { spatial } = input.strides;
  return {
    row: {
      sizes: [batch, ...outputSize],
      strides: [input.strides.batch, ...spatial.map((s, d) => s * stride[d])],
    },
    k: {
      sizes: [inChannels, ...kernelSize],
      strides: [input.strides.channel, ...spatial.map((s, d) => s * dilation[d])],
    },
  };
}

const startOf = ({ input, padding }: ConvContraction): number =>
  input.offset - padding.reduce((sum, p, d) => sum + p * input.strides.spatial[d], 0);

/** Patches that lie in the input as a whole. */
function wholePatches(conv: ConvContraction, buffers: Kernel['buffers']): Operand {
  const { row, k } = walksOf(conv);
  return affineOperand(
    {
      side: 'rhs',
      rows: product(row.sizes),
      buffer: conv.input.buffer,
      offset: startOf(conv),
      batch: collapse([conv.groups], [conv.input.strides.group]),
      row: collapse(row.sizes, row.strides),
      k: collapse(k.sizes, k.strides),
    },
    buffers,
  );
}

/** Patches that reach over the input's edges: a row's corner and a tap's displacement say whether an element is there. */
function patches(conv: ConvContraction): Operand {
  const { inputSize, inputDilation, stride, dilation, padding, input } = conv;
  const { row, k } = walksOf(conv);
  const [sample, ...outputs] = unravel('rows', row.sizes);
  const [channel, ...taps] = unravel('k', k.sizes);
  const dimensions = outputs.map((_, d) => ({
    d,
    hasGaps: inputDilation[d] > 1,
    guarded: isGuarded(conv, d),
  }));
  const guarded = dimensions.filter((dimension) => dimension.guarded);
  const { spatial } = input.strides;
  const folded = dimensions.filter(({ hasGaps }) => !hasGaps);
  const at = linear(input.offset, [
    [atom(sample), input.strides.batch],
    ['batch', input.strides.group],
    ...folded.map(({ d }): [string, number] => [`corner${d}`, spatial[d]]),
  ]);
  const along = linear(0, [
    [atom(channel), input.strides.channel],
    ...folded.map(({ d }): [string, number] => [`tap${d}`, spatial[d]]),
  ]);
  const gaps = dimensions.filter(({ hasGaps }) => hasGaps);
  return {
    side: 'rhs',
    rows: product(row.sizes),
    buffer: input.buffer,
    isKFastest: runOf(k) > runOf(row),
    vector: null,
    ofRows: {
      lines: [
        ...dimensions.map(
          ({ d }) => `let corner${d} = vec4<i32>(${linear(-padding[d], [[atom(outputs[d]), stride[d]]])});`,
        ),
        `let at = vec4<i32>(${at});`,
      ],
      names: ['at', ...guarded.map(({ d }) => `corner${d}`)],
    },
    ofK: [
      ...dimensions.map(({ d }) => `let tap${d} = ${linear(0, [[atom(taps[d]), dilation[d]]])};`),
      `let along = ${along};`,
    ],
    at: {
      lines: guarded.map(({ d }) => `let place${d} = corner${d} + tap${d};`),
      index: linear(0, [
        ['at', 1],
        ['along', 1],
        ...gaps.map(({ d }): [string, number] => [`(place${d} / ${inputDilation[d]})`, spatial[d]]),
      ]),
      // What is negative is large without a sign.
      guard: guarded
        .flatMap(({ d, hasGaps }) => [
          `(bitcast<vec4<u32>>(place${d}) < vec4<u32>(${Math.max(0, (inputSize[d] - 1) * inputDilation[d] + 1)}u))`,
          ...(hasGaps ? [`(place${d} % ${inputDilation[d]} == vec4<i32>())`] : []),
        ])
        .join(' & '),
    },
  };
}
