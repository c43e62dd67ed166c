/**
 * Convolution as a matrix product whose second matrix is never stored: panels of eight pixels are filled from the input (or
 * a padded copy of a block of channels) through tables of offsets, and multiplied by the packed weight.
 *
 * This covers forward passes, input gradients (an input with gaps, a flipped weight) and weight gradients, whose "images" are
 * channels, whose "channels" are images and whose kernel is a whole plane.
 */
import type { ConvContraction } from '@neurite/tensor';
import { emitCopy, emitPixelTable, emitTapTable, emitWeights, packPixels } from './convPack.js';
import { type ConvPlan, planConv } from './convPlan.js';
import { emitter, type I32 } from './emit.js';
import { columnsOf, FLOAT32, microKernel, ROWS } from './microKernel.js';
import type { BlockProgram, BlockTarget } from './program.js';

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Plans the convolution; undefined where it has more than three spatial dimensions. */
export function convProgram(conv: ConvContraction): BlockProgram | undefined {
  const plan = planConv(conv);
  return plan && plannedConv(conv, plan);
}

function plannedConv(conv: ConvContraction, plan: ConvPlan): BlockProgram {
  const { bytes } = FLOAT32;
  const width = columnsOf(FLOAT32);
  const { input, weight, groups, outChannels, inChannels } = conv;
  const { axis, taps, channels: block, images: unitImages } = plan;
  const lines = plan.blockOutput[axis]!;
  const perLine = plan.pixels / plan.output[axis]!;
  const count = {
    images: Math.ceil(conv.batch / unitImages),
    lines: Math.ceil(plan.output[axis]! / lines),
  };

  const rows = roundUp(outChannels, ROWS);
  const sumRow = roundUp(plan.blockPixels, width) * bytes;
  const stripBytes = block * taps * ROWS * bytes;
  const sizes = {
    taps: roundUp(block * taps * 4, 16),
    pixels: roundUp((plan.blockPixels + width) * 4, 16),
    panel: plan.depth * width * bytes,
    weight: (rows / ROWS) * stripBytes,
    copy: plan.direct ? 0 : roundUp(unitImages * plan.imageStride, 16),
    sums: rows * sumRow,
  };

  function emitUnit(target: BlockTarget): void {
    const { module, f, unit, scratch, buffer } = target;
    const e = emitter(f);
    const kernel = microKernel(module, FLOAT32);
    const fill = packPixels(module);
    const n0 = e.hold(e.mul(e.div(unit, count.lines * groups), unitImages));
    const group = e.hold(e.rem(e.div(unit, count.lines), groups));
    const y0 = e.hold(e.mul(e.rem(unit, count.lines), lines));
    const images = e.hold(e.min(unitImages, e.sub(conv.batch, n0)));
    const unitLines = e.hold(e.min(lines, e.sub(plan.output[axis]!, y0)));
    const pixels = e.hold(e.mul(images, e.mul(unitLines, perLine)));

    let free: I32 = e.hold(scratch);
    const take = (size: number) => {
      const start = free;
      free = e.hold(e.add(free, size));
      return start;
    };
    const tapTable = take(sizes.taps);
    const pixelTable = take(sizes.pixels);
    const panel = take(sizes.panel);
    const packedWeight = take(sizes.weight);
    const copy = take(sizes.copy);
    const sums = take(sizes.sums);

    emitTapTable(e, plan, tapTable);
    emitPixelTable(e, plan, pixelTable, images, unitLines);
    const inputStart = e.hold(
      e.add(
        buffer(input.buffer),
        input.offset * bytes,
        e.mul(n0, input.strides.batch * bytes),
        e.mul(group, input.strides.group * bytes),
      ),
    );
    const weightStart = e.hold(
      e.add(buffer(weight.buffer), weight.offset * bytes, e.mul(group, weight.strides.group * bytes)),
    );
    // Read in place, a unit starts at its first line, behind what a negative padding cuts off.
    const inPlace = plan.padding.reduce<I32>(
      (sum, p, i) => e.add(sum, -p * plan.sourceStrides[i]!),
      e.add(inputStart, e.mul(y0, plan.stride[axis]! * plan.sourceStrides[axis]!)),
    );
    if (!plan.direct) {
      e.push(copy);
      e.push(0);
      e.push(sizes.copy);
      f.memoryFill();
    }
    e.loop(0, inChannels, block, (c0) => {
      const channels = e.hold(e.min(block, e.sub(inChannels, c0)));
      const channelStart = e.hold(e.mul(c0, input.strides.channel * bytes));
      if (!plan.direct) emitCopy(e, plan, conv, copy, e.add(inputStart, channelStart), images, channels, y0);
      const source = e.hold(plan.direct ? e.add(inPlace, channelStart) : copy);
      const weightAt = e.hold(e.add(weightStart, e.mul(c0, weight.strides.channel * bytes)));
      emitWeights(e, module, plan, conv, packedWeight, weightAt, channels);
      const k = e.hold(e.mul(channels, taps));
      e.loop(0, k, plan.depth, (k0) => {
        const depth = e.hold(e.min(plan.depth, e.sub(k, k0)));
        const strips = e.hold(e.add(packedWeight, e.mul(k0, ROWS * bytes)));
        const started = e.hold(e.add(c0, k0));
        e.loop(0, pixels, width, (j) => {
          e.push(panel);
          e.push(source);
          e.push(e.add(pixelTable, e.mul(j, 4)));
          e.push(e.add(tapTable, e.mul(k0, 4)));
          e.push(depth);
          f.call(fill);
          const strip = e.variable(strips);
          const sum = e.variable(e.add(sums, e.mul(j, bytes)));
          e.loop(0, rows, ROWS, () => {
            strip.get();
            e.push(panel);
            e.push(depth);
            sum.get();
            e.push(sumRow);
            e.push(started);
            f.call(kernel);
            strip.advance(stripBytes);
            sum.advance(ROWS * sumRow);
          });
        });
      });
    });

    emitResults(target, { images, n0, group, sums, y0, unitLines });
  }

  interface UnitPlace {
    readonly images: I32;
    readonly n0: I32;
    readonly group: I32;
    readonly sums: I32;
    readonly y0: I32;
    readonly unitLines: I32;
  }

  function emitResults({ f, merged, epilogue }: BlockTarget, place: UnitPlace): void {
    const e = emitter(f);
    const { images, n0, group, sums, y0, unitLines } = place;
    const dims = conv.outputSize.length;
    const unitPixels = e.hold(e.mul(unitLines, perLine));
    const whole = merged === dims;
    const extents = plan.blockOutput.map((size, i) => (i === axis ? unitLines : size));
    e.nest([images, outChannels, ...(whole ? [] : extents.slice(0, 2))], ([image, o, z = 0, y = 0]) => {
      const point = [e.hold(e.add(n0, image!)), group, o!];
      const sum = e.add(sums, e.mul(o!, sumRow), e.mul(e.mul(image!, unitPixels), bytes));
      if (whole) return epilogue(point, e.mul(y0, perLine), unitPixels, sum);
      const at = [z, y, 0].map((value, i) => (i === axis ? e.add(value, y0) : value));
      const line = e.add(e.mul(z, extents[1]!), y);
      const lineSum = e.add(sum, e.mul(e.mul(line, extents[2]!), bytes));
      epilogue([...point, ...at.slice(3 - dims, 2).map(e.hold)], at[2]!, extents[2]!, lineSum);
    });
  }

  return {
    units: count.images * groups * count.lines,
    scratchBytes: Object.values(sizes).reduce((sum, size) => sum + size, 0),
    emitUnit,
  };
}
