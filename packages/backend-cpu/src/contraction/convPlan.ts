/** Numbers of a convolution that is run as a matrix product: rows are output channels, columns pixels, k is (channel, tap). */
import type { ConvContraction } from '@neurite/tensor';
import { fitsDots } from './convDots.js';
import { columnsOf, FLOAT32, ROWS } from './microKernel.js';
import { roundUp, wantedUnits } from './program.js';

const { bytes, lanes } = FLOAT32;

/** Spatial sizes, always three: what is missing in front has size 1. */
export type Triple = readonly [number, number, number];

export interface ConvPlan {
  readonly output: Triple;
  readonly kernel: Triple;
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly padding: Triple;
  readonly inputSize: Triple;
  readonly inputDilation: Triple;
  /** Elements between taps of the weight and between positions of the input. */
  readonly weightStrides: Triple;
  readonly inputStrides: Triple;
  readonly taps: number;
  readonly pixels: number;
  /** A unit is `images` whole images, or (then `images` is 1) `blockOutput` of one, cut along `axis`. */
  readonly images: number;
  readonly axis: number;
  readonly blockOutput: Triple;
  readonly blockPixels: number;
  /**
   * Into how many stretches of channels the sums of each unit are cut, in units of their own: more than 1 where there are few pixels
   * for long sums (a weight's gradient). The last stretch may be shorter.
   */
  readonly splits: number;
  readonly splitChannels: number;
  /** Channels whose products are summed at a time, and stretches of their taps that a panel holds. */
  readonly channels: number;
  readonly depth: number;
  /** Whether the input is read where it is: nothing reaches beyond it and nothing lies between its elements. */
  readonly direct: boolean;
  /** Whether sums are made line by line, without panels: output channels are few and neighbouring pixels lie together. */
  readonly byLines: boolean;
  /** Whether results are few and their lines of taps long: each is summed on its own (see convDots.ts). */
  readonly byDots: boolean;
  /** Elements from one line of the sums to the next (where a unit cuts lines: at most). */
  readonly linePitch: number;
  /** Positions of the input that one unit reads, in a copy with zeros around and between where not `direct`. */
  readonly copySize: Triple;
  /** Bytes between neighbours of what the panels are filled from. */
  readonly sourceStrides: Triple;
  readonly channelStride: number;
  readonly imageStride: number;
}

/**
 * Most elements of the sums of a unit, and what a panel of B may have for each column. Short partial sums
 * round better: of the depths tried (448, 160, 96, 64), LeNet's losses left PyTorch's trajectory at step 42 with the first two, by a near-tie in a
 * max-pool, and followed it with the last two. 96 against 448 costs 0 to 7 % of a convolution's time.
 */
const MAX_SUMS = 128 * 1024;
const MAX_UNIT_PIXELS = 1024;
export const MAX_DEPTH = 96;
/** With fewer pixels, a unit spends its time on packing weights. */
const MIN_UNIT_PIXELS = 512;
/** Most results that are summed one by one: they are one unit's. */
const MAX_DOTS = 128;
/** Products behind an element of a sum below which a sum is not cut. */
const MIN_SPLIT_DEPTH = 2 * MAX_DEPTH;
/**
 * Into how many more units than wanted sums are cut: shorter ones round better. That near-tie in LeNet falls as in PyTorch
 * with 1, 32 and 64 pieces of each sum, and the other way with 8 and 16.
 */
const SPLIT_FACTOR = 2;

const product = (sizes: readonly number[]): number => sizes.reduce((p, s) => p * s, 1);
const map3 = (f: (i: 0 | 1 | 2) => number): Triple => [f(0), f(1), f(2)];
/** The largest of equal parts of `total` that are at most `most`. */
const even = (total: number, most: number): number => Math.ceil(total / Math.max(1, Math.ceil(total / most)));

/** Multiplications of a convolution, with those of padding. */
export const products = (conv: ConvContraction): number =>
  [...conv.outputSize, ...conv.kernelSize].reduce(
    (p, size) => p * size,
    conv.batch * conv.groups * conv.outChannels * conv.inChannels,
  );

/** Sizes and blocks of a convolution of at most three spatial dimensions. */
export function planConv(conv: ConvContraction): ConvPlan {
  const dims = conv.outputSize.length;
  const triple = (values: readonly number[], missing: number) =>
    [...new Array<number>(3 - dims).fill(missing), ...values] as unknown as Triple;
  const output = triple(conv.outputSize, 1);
  const kernel = triple(conv.kernelSize, 1);
  const stride = triple(conv.stride, 1);
  const dilation = triple(conv.dilation, 1);
  const padding = triple(conv.padding, 0);
  const inputSize = triple(conv.inputSize, 1);
  const inputDilation = triple(conv.inputDilation, 1);
  const inputStrides = triple(conv.input.strides.spatial, 0);
  const weightStrides = triple(conv.weight.strides.kernel, 0);
  const taps = product(kernel);
  const pixels = product(output);

  const rows = roundUp(conv.outChannels, ROWS);
  const wanted = wantedUnits(products(conv)) / conv.groups;
  const most = Math.max(
    columnsOf(FLOAT32),
    Math.min(
      MAX_UNIT_PIXELS,
      Math.floor(MAX_SUMS / rows),
      Math.max(MIN_UNIT_PIXELS, Math.floor((conv.batch * pixels) / wanted)),
    ),
  );
  const firstLong = output.findIndex((size) => size > 1);
  const axis = firstLong < 0 ? 2 : firstLong;
  const perLine = pixels / output[axis]!;
  const lines = pixels <= most ? output[axis]! : even(output[axis]!, Math.max(1, Math.floor(most / perLine)));
  const blockOutput = map3((i) => (i === axis ? lines : output[i]!));
  const images = pixels <= most ? even(conv.batch, Math.min(conv.batch, Math.floor(most / pixels))) : 1;
  const pieces = Math.ceil(conv.batch / images) * Math.ceil(output[axis]! / lines);
  const longest = Math.min(conv.inChannels, Math.floor((conv.inChannels * taps) / MIN_SPLIT_DEPTH));
  const splits = pieces < wanted ? (SPLIT_FACTOR * wanted) / pieces : 1;
  const splitChannels = even(conv.inChannels, conv.inChannels / Math.max(1, Math.min(longest, splits)));

  const channels = even(splitChannels, Math.max(1, Math.floor(MAX_DEPTH / Math.max(1, taps))));
  const depth = even(channels * taps, MAX_DEPTH);
  // A class of positions that no tap meets has a kernel of size 0, and reaches no further than one of size 1.
  const reach = (i: number, size: number) =>
    (size - 1) * stride[i]! + Math.max(0, kernel[i]! - 1) * dilation[i]!;
  const direct = output.every(
    (size, i) => padding[i]! <= 0 && inputDilation[i] === 1 && reach(i, size) - padding[i]! < inputSize[i]!,
  );
  const copySize = map3((i) => reach(i, blockOutput[i]!) + 1);
  const byDots =
    conv.outChannels === 1 &&
    conv.inputDilation.every((gap) => gap === 1) &&
    pixels <= MAX_DOTS &&
    fitsDots(output[2]) &&
    kernel[2] >= Math.max(lanes, output[2]) &&
    dilation[2] === 1 &&
    weightStrides[2] === 1 &&
    !(direct && inputStrides[2] !== 1);
  const byLines =
    !byDots &&
    conv.outChannels < ROWS &&
    stride[2] === 1 &&
    output[2] >= lanes &&
    !(direct && inputStrides[2] !== 1);
  const copyPlane = product(copySize) * bytes;
  return {
    output,
    kernel,
    stride,
    dilation,
    padding,
    inputSize,
    inputDilation,
    weightStrides,
    inputStrides,
    taps,
    pixels,
    images,
    axis,
    blockOutput,
    blockPixels: images * product(blockOutput),
    splits: Math.ceil(conv.inChannels / splitChannels),
    splitChannels,
    channels,
    depth,
    direct,
    byLines,
    byDots,
    linePitch: byLines ? Math.ceil(blockOutput[2] / lanes) * lanes : blockOutput[2],
    copySize,
    sourceStrides: direct
      ? map3((i) => inputStrides[i]! * bytes)
      : [copySize[1] * copySize[2] * bytes, copySize[2] * bytes, bytes],
    channelStride: direct ? conv.input.strides.channel * bytes : copyPlane,
    imageStride: direct ? conv.input.strides.batch * bytes : copyPlane * channels,
  };
}
