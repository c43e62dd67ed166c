/** One unit of a convolution: what it computes, and its working memory. */
import type { ConvContraction } from '@neurite/tensor';
import { dotBytes } from './convDots.js';
import { type ConvPlan, planConv } from './convPlan.js';
import type { Emitter, I32 } from './emit.js';
import { columnsOf, FLOAT32, ROWS } from './microKernel.js';
import { type BlockTarget, roundUp } from './program.js';

const { bytes } = FLOAT32;
const WIDTH = columnsOf(FLOAT32);

/** A convolution with its numbers. */
export interface Planned {
  readonly conv: ConvContraction;
  readonly plan: ConvPlan;
  /** Bytes of each area of working memory. */
  readonly sizes: Record<Area, number>;
  /** Bytes of a row of sums, and of a strip of packed weights. */
  readonly sumRow: number;
  readonly stripBytes: number;
  /** Pieces into which an image's lines are cut, and all pieces: the units but for the stretches of their sums. */
  readonly lineBlocks: number;
  readonly pieces: number;
}

export type Area = 'taps' | 'pixels' | 'panel' | 'weight' | 'copy' | 'sums';

/** What one unit computes: lines `y0` … of `images` images from `n0` on, in one group. */
export interface Unit {
  readonly n0: I32;
  readonly images: I32;
  readonly group: I32;
  /** The input channels that it sums over. */
  readonly c0: I32;
  readonly channels: I32;
  readonly y0: I32;
  readonly lines: I32;
  /** Extents of one image's part, its pixels, and those of all. */
  readonly extents: readonly I32[];
  readonly imagePixels: I32;
  readonly pixels: I32;
  readonly areas: Record<Area, I32>;
}

/** Whether sums need no panels of pixels. */
export const summedInPlace = ({ byLines, byDots }: ConvPlan): boolean => byLines || byDots;

/** Plans a convolution's units. */
export function planUnits(conv: ConvContraction): Planned {
  const plan = planConv(conv);
  const { byDots, blockOutput, images } = plan;
  const panels = !summedInPlace(plan);
  const rows = roundUp(conv.outChannels, ROWS);
  const stripBytes = plan.channels * plan.taps * ROWS * bytes;
  const blockSums = images * blockOutput[0] * blockOutput[1] * plan.linePitch;
  const sumRow = roundUp(blockSums, WIDTH) * bytes;
  const panel = panels ? plan.depth * WIDTH * bytes : 0;
  const sizes = {
    taps: byDots ? 0 : roundUp(plan.channels * plan.taps * 4, 16),
    pixels: panels ? roundUp((plan.blockPixels + WIDTH) * 4, 16) : 0,
    panel: byDots ? images * dotBytes(plan) : panel,
    weight: byDots ? 0 : (rows / ROWS) * stripBytes,
    copy: plan.direct ? 0 : roundUp(images * plan.imageStride, 16),
    sums: rows * sumRow,
  };
  const lineBlocks = Math.ceil(plan.output[plan.axis]! / blockOutput[plan.axis]!);
  const pieces = Math.ceil(conv.batch / images) * conv.groups * lineBlocks;
  return { conv, plan, sizes, sumRow, stripBytes, lineBlocks, pieces };
}

/** Finds a unit's part: `split` is which stretch of channels of the piece it sums. */
export function emitUnitBounds(
  e: Emitter,
  { conv, plan, sizes, lineBlocks }: Planned,
  piece: I32,
  split: I32,
  { scratch }: BlockTarget,
): Unit {
  const { axis, splitChannels } = plan;
  const n0 = e.hold(e.mul(e.div(piece, lineBlocks * conv.groups), plan.images));
  const y0 = e.hold(e.mul(e.rem(piece, lineBlocks), plan.blockOutput[axis]!));
  const c0 = e.hold(e.mul(split, splitChannels));
  const images = e.hold(e.min(plan.images, e.sub(conv.batch, n0)));
  const lines = e.hold(e.min(plan.blockOutput[axis]!, e.sub(plan.output[axis]!, y0)));
  const imagePixels = e.hold(e.mul(lines, plan.pixels / plan.output[axis]!));
  let free: I32 = e.hold(scratch);
  const areas = {} as Record<Area, I32>;
  for (const [area, size] of Object.entries(sizes) as [Area, number][]) {
    areas[area] = free;
    free = e.hold(e.add(free, size));
  }
  return {
    n0,
    images,
    group: e.hold(e.rem(e.div(piece, lineBlocks), conv.groups)),
    c0,
    channels: e.hold(e.min(splitChannels, e.sub(conv.inChannels, c0))),
    y0,
    lines,
    extents: plan.blockOutput.map((size, i) => (i === axis ? lines : size)),
    imagePixels,
    pixels: e.hold(e.mul(images, imagePixels)),
    areas,
  };
}
