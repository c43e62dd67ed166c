/** Convolutions, as they come from layers and from their gradients. */
import type { DType } from '../dtype.js';
import { contractionCase, type Epilogue, product, rowMajor } from './contraction-case.js';
import type { KernelCase } from './harness.js';
import { constant, index, load, loop, op } from './kernel-builder.js';

interface ConvOptions {
  readonly batch?: number;
  readonly groups?: number;
  readonly inChannels?: number;
  readonly outChannels?: number;
  readonly inputSize: readonly number[];
  readonly kernelSize: readonly number[];
  readonly stride?: readonly number[];
  readonly padding?: readonly number[];
  readonly dilation?: readonly number[];
  readonly inputDilation?: readonly number[];
  readonly dtype?: DType;
  readonly kind?: Epilogue;
  /** Channels behind the spatial dimensions, in the input and in the result. */
  readonly channelsLast?: boolean;
  /** Batch and channels stored in exchange, of input and weight: so a weight's gradient reads its operands. */
  readonly exchanged?: boolean;
}

function conv(note: string, options: ConvOptions): KernelCase {
  const { batch = 2, groups = 1, inChannels = 3, outChannels = 4, inputSize, kernelSize } = options;
  const { dtype = 'float32', kind = 'none', channelsLast = false, exchanged = false } = options;
  const filled = (values: readonly number[] | undefined, value: number) =>
    values ?? inputSize.map(() => value);
  const stride = filled(options.stride, 1);
  const padding = filled(options.padding, 0);
  const dilation = filled(options.dilation, 1);
  const inputDilation = filled(options.inputDilation, 1);
  const outputSize = inputSize.map((size, i) => {
    const span = (size - 1) * inputDilation[i] + 1 + 2 * padding[i] - (kernelSize[i] - 1) * dilation[i] - 1;
    return Math.floor(span / stride[i]) + 1;
  });

  /** Strides of [batch, groups, channels, spatial…]. */
  const layout = (channels: number, spatial: readonly number[]) => {
    const all = groups * channels;
    const area = product(spatial);
    return channelsLast
      ? { batch: all * area, group: channels, channel: 1, spatial: rowMajor(spatial).map((s) => s * all) }
      : { batch: all * area, group: channels * area, channel: area, spatial: rowMajor(spatial) };
  };
  const laid = layout(inChannels, inputSize);
  const input = exchanged ? { ...laid, batch: laid.channel, channel: laid.channel * batch } : laid;
  const output = layout(outChannels, outputSize);
  const taps = product(kernelSize);
  const weight = {
    group: outChannels * inChannels * taps,
    out: exchanged ? taps : inChannels * taps,
    channel: exchanged ? taps * outChannels : taps,
    kernel: rowMajor(kernelSize),
  };

  const [n, g, o, c] = [loop('n', batch), loop('g', groups), loop('o', outChannels), loop('c', inChannels)];
  const y = outputSize.map((size, i) => loop(`y${i}`, size));
  const t = kernelSize.map((size, i) => loop(`t${i}`, size));
  const positions = y.map((l, i) => index(-padding[i], [l, stride[i]], [t[i], dilation[i]]));
  const zero = constant(0, 'int32');
  // Not negative, as division and remainder want it; where it was, the guard is false.
  const places = positions.map((p, i) => {
    const rest = op('max', p, zero);
    return inputDilation[i] === 1 ? p : op('div', rest, constant(inputDilation[i], 'int32'));
  });
  const guard = positions
    .flatMap((p, i) => {
      const factor = constant(inputDilation[i], 'int32');
      const whole = op('eq', op('rem', op('max', p, zero), factor), zero);
      const inside = op('lt', places[i], constant(inputSize[i], 'int32'));
      return [op('le', zero, p), ...(inputDilation[i] === 1 ? [] : [whole]), inside];
    })
    .reduce((a, b) => op('and', a, b));

  const { channel, spatial, ...rest } = input;
  return contractionCase(
    `conv ${note}, ${dtype}, epilogue ${kind}`,
    {
      op: 'conv',
      batch,
      groups,
      outChannels,
      inChannels,
      outputSize,
      inputSize,
      kernelSize,
      stride,
      padding,
      dilation,
      inputDilation,
      input: { buffer: 0, offset: 0, strides: { ...rest, channel, spatial } },
      weight: { buffer: 1, offset: 0, strides: weight },
    },
    {
      lhs: batch * laid.batch,
      rhs: groups * weight.group,
      out: batch * output.batch,
      columns: groups * outChannels,
    },
    { outer: [n, g, o, ...y], inner: [c, ...t] },
    [
      load(
        0,
        index(
          0,
          [n, input.batch],
          [g, input.group],
          [c, channel],
          ...places.map((p, i) => [p, spatial[i]] as const),
        ),
        dtype,
        guard,
      ),
      load(
        1,
        index(
          0,
          [g, weight.group],
          [o, weight.out],
          [c, weight.channel],
          ...t.map((l, i) => [l, weight.kernel[i]] as const),
        ),
        dtype,
      ),
    ],
    index(
      0,
      [n, output.batch],
      [g, output.group],
      [o, output.channel],
      ...y.map((l, i) => [l, output.spatial[i]] as const),
    ),
    index(0, [g, outChannels], [o, 1]),
    { dtype, kind },
  );
}

export function convs(): KernelCase[] {
  const image = { inputSize: [9, 11], kernelSize: [3, 3] };
  return [
    conv('2d', image),
    conv('2d with a bias and an activation', { ...image, kind: 'biasRelu' }),
    conv('2d with two results', { ...image, padding: [1, 1], kind: 'two' }),
    conv('2d padded', { ...image, padding: [1, 2], kind: 'biasRelu' }),
    conv('2d strided and padded', { ...image, stride: [2, 3], padding: [1, 1] }),
    conv('2d dilated', { ...image, dilation: [2, 3], padding: [2, 0] }),
    conv('2d in two groups', { ...image, groups: 2, padding: [1, 1], kind: 'biasRelu' }),
    conv('2d depthwise', { ...image, groups: 6, inChannels: 1, outChannels: 1, padding: [1, 1] }),
    conv('2d 1×1', { inputSize: [7, 5], kernelSize: [1, 1], inChannels: 8, outChannels: 12 }),
    conv('2d 5×5, one channel', {
      inputSize: [28, 28],
      kernelSize: [5, 5],
      inChannels: 1,
      outChannels: 6,
      padding: [2, 2],
    }),
    conv('2d depthwise, two outputs each', {
      ...image,
      groups: 5,
      inChannels: 1,
      outChannels: 2,
      stride: [2, 1],
      padding: [1, 1],
      kind: 'biasRelu',
    }),
    conv('2d depthwise, transposed', {
      ...image,
      groups: 4,
      inChannels: 1,
      outChannels: 1,
      inputDilation: [2, 2],
      padding: [1, 0],
    }),
    conv('2d 1×1 of whole vectors', {
      inputSize: [6, 6],
      kernelSize: [1, 1],
      inChannels: 8,
      outChannels: 12,
      kind: 'biasRelu',
    }),
    conv('2d 1×1, channels last', {
      inputSize: [5, 7],
      kernelSize: [1, 1],
      inChannels: 16,
      outChannels: 9,
      channelsLast: true,
    }),
    conv('2d 1×1, strided', {
      inputSize: [9, 8],
      kernelSize: [1, 1],
      inChannels: 8,
      outChannels: 12,
      stride: [2, 2],
    }),
    conv('2d to three channels', { ...image, inChannels: 12, outChannels: 3, padding: [1, 1] }),
    conv('2d to many channels', {
      ...image,
      inChannels: 5,
      outChannels: 40,
      padding: [1, 1],
      kind: 'biasRelu',
    }),
    conv('2d, gradient of a weight', {
      inputSize: [9, 11],
      kernelSize: [9, 11],
      padding: [1, 1],
      batch: 5,
      inChannels: 3,
      outChannels: 6,
      exchanged: true,
    }),
    conv('2d, gradient of a weight that was strided', {
      inputSize: [9, 11],
      kernelSize: [4, 5],
      dilation: [2, 2],
      batch: 4,
      inChannels: 3,
      outChannels: 8,
      exchanged: true,
      kind: 'biasRelu',
    }),
    conv('2d, gradient of a depthwise weight', {
      inputSize: [9, 11],
      kernelSize: [9, 11],
      padding: [1, 1],
      groups: 4,
      batch: 1,
      inChannels: 3,
      outChannels: 1,
    }),
    conv('2d transposed', { ...image, inputDilation: [2, 2], padding: [1, 1], kind: 'biasRelu' }),
    conv('2d transposed, dilations 3 and 1', {
      ...image,
      inputDilation: [3, 1],
      dilation: [1, 2],
      padding: [2, 1],
    }),
    conv('2d cropped', { ...image, padding: [-1, -2] }),
    conv('2d, channels last', { ...image, padding: [1, 1], channelsLast: true, kind: 'biasRelu' }),
    conv('2d, kernel larger than the input', { inputSize: [3, 2], kernelSize: [5, 4], padding: [2, 2] }),
    conv('1d', { inputSize: [37], kernelSize: [4], stride: [2], padding: [1], kind: 'biasRelu' }),
    conv('3d', {
      inputSize: [4, 5, 6],
      kernelSize: [2, 3, 2],
      padding: [0, 1, 1],
      inChannels: 2,
      outChannels: 3,
    }),
    conv('2d', { ...image, dtype: 'float64', padding: [1, 1], kind: 'biasRelu' }),
    conv('2d', { ...image, dtype: 'float16', stride: [2, 2] }),
  ];
}
