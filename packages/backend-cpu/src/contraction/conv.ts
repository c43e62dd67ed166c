/**
 * Convolution as a matrix product whose second matrix is never stored: panels of eight pixels are filled from the input (or
 * a padded copy of a block of channels) through tables of offsets, and multiplied by the packed weight.
 *
 * This covers forward passes, input gradients (an input with gaps, a flipped weight) and weight gradients, whose "images" are
 * channels, whose "channels" are images and whose kernel is a whole plane. Where output channels are few, convLines.ts and
 * convDots.ts sum without panels.
 */
import type { ConvContraction } from '@neurite/tensor';
import { dotBytes, emitDotSums, emitDots } from './convDots.js';
import { type ConvPart, splitGaps } from './convGaps.js';
import { emitLines } from './convLines.js';
import { emitCopy, emitPixelTable, emitTapTable, emitWeights, packPixels } from './convPack.js';
import { type ConvPlan, MAX_DEPTH, planConv, products } from './convPlan.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import { columnsOf, FLOAT32, microKernel, ROWS } from './microKernel.js';
import { type BlockProgram, type BlockTarget, roundUp } from './program.js';

const { bytes } = FLOAT32;
const WIDTH = columnsOf(FLOAT32);

/** A convolution with its numbers. */
interface Planned {
  readonly conv: ConvContraction;
  readonly plan: ConvPlan;
  /** Bytes of each area of working memory. */
  readonly sizes: Record<Area, number>;
  /** Bytes of a row of sums, and of a strip of packed weights. */
  readonly sumRow: number;
  readonly stripBytes: number;
  /** Pieces into which an image's lines are cut. */
  readonly lineBlocks: number;
}

type Area = 'taps' | 'pixels' | 'panel' | 'weight' | 'copy' | 'sums';

/** What one unit computes: lines `y0` … of `images` images from `n0` on, in one group. */
interface Unit {
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

/**
 * Plans the convolution, in one or more parts; undefined where it has more than three spatial dimensions, and where each pixel
 * would be gathered on its own for a single output channel: there the generic loops are up to twice as fast.
 */
export function convPrograms(conv: ConvContraction): BlockProgram[] | undefined {
  if (conv.outputSize.length > 3) return undefined;
  const parts = splitGaps(conv);
  const gathered = parts.length === 1 && conv.outChannels === 1 && !summedInPlace(planConv(conv));
  return gathered ? undefined : parts.flatMap(partPrograms);
}

const summedInPlace = ({ byLines, byDots }: ConvPlan): boolean => byLines || byDots;

/** A convolution's program; where its sums are cut, a second one adds them up. */
function partPrograms({ conv, places }: ConvPart): BlockProgram[] {
  const plan = planConv(conv);
  const { byDots, blockOutput, splits } = plan;
  const panels = !summedInPlace(plan);
  const rows = roundUp(conv.outChannels, ROWS);
  const stripBytes = plan.channels * plan.taps * ROWS * bytes;
  const blockSums = plan.images * blockOutput[0] * blockOutput[1] * plan.linePitch;
  const sumRow = roundUp(blockSums, WIDTH) * bytes;
  const sizes = {
    taps: byDots ? 0 : roundUp(plan.channels * plan.taps * 4, 16),
    pixels: !panels ? 0 : roundUp((plan.blockPixels + WIDTH) * 4, 16),
    panel: byDots ? plan.images * dotBytes(plan) : panels ? plan.depth * WIDTH * bytes : 0,
    weight: byDots ? 0 : (rows / ROWS) * stripBytes,
    copy: plan.direct ? 0 : roundUp(plan.images * plan.imageStride, 16),
    sums: rows * sumRow,
  };
  const lineBlocks = Math.ceil(plan.output[plan.axis]! / plan.blockOutput[plan.axis]!);
  const planned = { conv, plan, sizes, sumRow, stripBytes, lineBlocks };
  const whole = splits === 1;
  const pieces = Math.ceil(conv.batch / plan.images) * conv.groups * lineBlocks;
  const common = {
    places,
    mergeable: places || plan.linePitch !== blockOutput[2] ? 1 : conv.outputSize.length,
    sharedBytes: whole ? 0 : pieces * splits * sizes.sums,
  };
  const sumsOf = (e: Emitter, { shared }: BlockTarget, piece: I32, split: I32) =>
    e.hold(e.add(shared, e.mul(e.add(e.mul(piece, splits), split), sizes.sums)));
  const product: BlockProgram = {
    ...common,
    units: pieces * splits,
    work: products(conv),
    scratchBytes: Object.values(sizes).reduce((sum, size) => sum + size, 0),
    emitUnit(target) {
      const e = emitter(target.f);
      const piece = e.hold(e.div(target.unit, splits));
      const split = e.hold(e.rem(target.unit, splits));
      const unit = emitUnitBounds(e, planned, piece, split, target);
      if (!whole) unit.areas.sums = sumsOf(e, target, piece, split);
      if (plan.taps > 0) emitProduct(e, planned, unit, target);
      // No tap of an input with gaps meets these positions.
      else emitZeros(e, unit.areas.sums, sizes.sums);
      if (whole) emitResults(e, planned, unit, target, [0, conv.outChannels]);
    },
  };
  const total: BlockProgram = {
    ...common,
    units: pieces * conv.outChannels,
    work: (pieces * conv.outChannels * splits * sumRow) / 16,
    scratchBytes: sumRow,
    emitUnit(target) {
      const e = emitter(target.f);
      const piece = e.hold(e.div(target.unit, conv.outChannels));
      const row = e.hold(e.rem(target.unit, conv.outChannels));
      const unit = emitUnitBounds(e, planned, piece, 0, target);
      const ahead = e.hold(e.mul(row, sumRow));
      const source = e.hold(e.add(sumsOf(e, target, piece, 0), ahead));
      emitTotals(e, target.scratch, source, sumRow, splits, sizes.sums);
      unit.areas.sums = e.hold(e.sub(target.scratch, ahead));
      emitResults(e, planned, unit, target, [row, e.hold(e.add(row, 1))]);
    },
  };
  return whole ? [product] : [product, total];
}

function emitZeros(e: Emitter, at: I32, count: number): void {
  e.push(at);
  e.push(0);
  e.push(count);
  e.f.memoryFill();
}

/** Adds up `count` rows of `rowBytes`, which lie `pitch` bytes apart. */
function emitTotals(e: Emitter, to: I32, from: I32, rowBytes: number, count: number, pitch: number): void {
  const { f } = e;
  const sum = f.local('v128');
  const target = e.hold(to);
  e.loop(0, rowBytes, 16, (at) => {
    const source = e.variable(e.add(from, at));
    source.get();
    f.memory('v128.load');
    f.set(sum);
    e.loop(1, count, 1, () => {
      source.advance(pitch);
      f.get(sum);
      source.get();
      f.memory('v128.load');
      f.op('f32x4.add');
      f.set(sum);
    });
    e.push(e.add(target, at));
    f.get(sum);
    f.memory('v128.store');
  });
}

function emitUnitBounds(
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

/** The sums of a unit. */
function emitProduct(e: Emitter, planned: Planned, unit: Unit, { module, buffer }: BlockTarget): void {
  const { conv, plan, sizes } = planned;
  const { areas, n0, y0, group } = unit;
  const { axis, sourceStrides } = plan;
  const input = conv.input.strides;
  const weight = conv.weight.strides;
  if (!plan.byDots) emitTapTable(e, plan, areas.taps);
  if (!summedInPlace(plan)) emitPixelTable(e, plan, areas.pixels, unit.images, unit.extents);
  const inputStart = e.hold(
    e.add(
      buffer(conv.input.buffer),
      conv.input.offset * bytes,
      e.mul(n0, input.batch * bytes),
      e.mul(group, input.group * bytes),
      e.mul(unit.c0, input.channel * bytes),
    ),
  );
  const weightStart = e.hold(
    e.add(
      buffer(conv.weight.buffer),
      conv.weight.offset * bytes,
      e.mul(group, weight.group * bytes),
      e.mul(unit.c0, weight.channel * bytes),
    ),
  );
  // Read in place, a unit starts at its first line, behind what a negative padding cuts off.
  const inPlace = plan.padding.reduce<I32>(
    (sum, padding, i) => e.add(sum, -padding * sourceStrides[i]!),
    e.add(inputStart, e.mul(y0, plan.stride[axis]! * sourceStrides[axis]!)),
  );
  if (!plan.direct) emitZeros(e, areas.copy, sizes.copy);
  if (plan.byDots) emitZeros(e, areas.panel, sizes.panel);
  e.loop(0, unit.channels, plan.channels, (c0) => {
    const channels = e.hold(e.min(plan.channels, e.sub(unit.channels, c0)));
    const ahead = e.hold(e.mul(c0, input.channel * bytes));
    if (!plan.direct)
      emitCopy(e, plan, conv, areas.copy, e.add(inputStart, ahead), unit.images, channels, y0);
    const source = e.hold(plan.direct ? e.add(inPlace, ahead) : areas.copy);
    const weightAt = e.hold(e.add(weightStart, e.mul(c0, weight.channel * bytes)));
    if (plan.byDots) {
      e.nest([unit.images, channels], ([image, c]) =>
        emitDots(e, module, plan, MAX_DEPTH, {
          source: e.hold(e.add(source, e.mul(image!, plan.imageStride), e.mul(c!, plan.channelStride))),
          weight: e.hold(e.add(weightAt, e.mul(c!, weight.channel * bytes))),
          sums: e.hold(e.add(areas.panel, e.mul(image!, dotBytes(plan)))),
        }),
      );
      return;
    }
    emitWeights(e, module, plan, conv, areas.weight, weightAt, channels);
    const k = e.hold(e.mul(channels, plan.taps));
    e.loop(0, k, plan.depth, (k0) => {
      const depth = e.hold(e.min(plan.depth, e.sub(k, k0)));
      emitSums(e, planned, unit, module, { source, k0, depth, started: e.hold(e.add(c0, k0)) });
    });
  });
  if (plan.byDots) emitDotSums(e, areas.sums, areas.panel, e.hold(e.mul(unit.images, plan.pixels)));
}

/** Part of all sums of a unit: `depth` products from k0 on. */
interface Stretch {
  /** Where the first pixel's first tap is. */
  readonly source: I32;
  readonly k0: I32;
  readonly depth: I32;
  /** Whether the sums hold something already. */
  readonly started: I32;
}

function emitSums(
  e: Emitter,
  { conv, plan, sumRow, stripBytes }: Planned,
  { areas, pixels, images, extents }: Unit,
  module: BlockTarget['module'],
  { source, k0, depth, started }: Stretch,
): void {
  const { f } = e;
  const strips = e.hold(e.add(areas.weight, e.mul(k0, ROWS * bytes)));
  const taps = e.hold(e.add(areas.taps, e.mul(k0, 4)));
  if (plan.byLines) {
    const pass = { source, taps, strip: strips, k: depth, sums: areas.sums, sumRow, started };
    emitLines(e, module, plan, conv.outChannels, images, extents, pass);
    return;
  }
  const kernel = microKernel(module, FLOAT32);
  const fill = packPixels(module);
  e.loop(0, pixels, WIDTH, (j) => {
    e.push(areas.panel);
    e.push(source);
    e.push(e.add(areas.pixels, e.mul(j, 4)));
    e.push(taps);
    e.push(depth);
    f.call(fill);
    const strip = e.variable(strips);
    const sum = e.variable(e.add(areas.sums, e.mul(j, bytes)));
    e.loop(0, conv.outChannels, ROWS, () => {
      strip.get();
      e.push(areas.panel);
      e.push(depth);
      sum.get();
      e.push(sumRow);
      e.push(started);
      f.call(kernel);
      strip.advance(stripBytes);
      sum.advance(ROWS * sumRow);
    });
  });
}

/** Results of a unit for a range of channels: images, channels, then lines of the last dimension, or all lines at once. */
function emitResults(
  e: Emitter,
  { conv, plan, sumRow }: Planned,
  unit: Unit,
  { merged, epilogue }: BlockTarget,
  [first, end]: readonly [I32, I32],
): void {
  const { images, n0, group, y0, imagePixels, extents, areas } = unit;
  const dims = conv.outputSize.length;
  const whole = merged === dims;
  const perLine = plan.pixels / plan.output[plan.axis]!;
  const pitch = plan.byLines ? plan.linePitch : extents[2]!;
  const imageSums = e.hold(e.mul(e.mul(extents[0]!, extents[1]!), e.mul(pitch, bytes)));
  e.nest(
    [images, e.hold(e.sub(end, first)), ...(whole ? [] : extents.slice(0, 2))],
    ([image, i, z = 0, y = 0]) => {
      const o = e.hold(e.add(first, i!));
      const point = [e.hold(e.add(n0, image!)), group, o];
      const sum = e.add(areas.sums, e.mul(o, sumRow), e.mul(image!, imageSums));
      if (whole) return epilogue(point, e.mul(y0, perLine), imagePixels, sum);
      const at = [z, y, 0].map((value, i) => (i === plan.axis ? e.add(value, y0) : value));
      const line = e.add(e.mul(z, extents[1]!), y);
      const lineSum = e.add(sum, e.mul(e.mul(line, pitch), bytes));
      epilogue([...point, ...at.slice(3 - dims, 2).map(e.hold)], at[2]!, extents[2]!, lineSum);
    },
  );
}
