/**
 * Convolution as a matrix product whose second matrix is never stored: panels of eight pixels are filled from the input (or
 * a padded copy of a block of channels) through tables of offsets, and multiplied by the packed weight.
 *
 * This covers forward passes, input gradients (an input with gaps, a flipped weight) and weight gradients, whose "images" are
 * channels, whose "channels" are images and whose kernel is a whole plane. Where output channels are few, convLines.ts and
 * convDots.ts sum without panels.
 */
import type { ConvContraction } from '@neurite/tensor';
import { type ConvPart, splitGaps } from './convGaps.js';
import { planConv, products } from './convPlan.js';
import { emitProduct, emitZeros } from './convSums.js';
import { emitUnitBounds, type Planned, planUnits, summedInPlace, type Unit } from './convUnit.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import { FLOAT32 } from './microKernel.js';
import type { BlockProgram, BlockTarget } from './program.js';

const { bytes } = FLOAT32;

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

/** A convolution's program; where its sums are cut, a second one adds them up. */
function partPrograms({ conv, places }: ConvPart): BlockProgram[] {
  const planned = planUnits(conv);
  const { plan, pieces, sizes } = planned;
  const common = {
    places,
    mergeable: places || plan.linePitch !== plan.blockOutput[2] ? 1 : conv.outputSize.length,
    sharedBytes: plan.splits === 1 ? 0 : pieces * plan.splits * sizes.sums,
  };
  const product: BlockProgram = {
    ...common,
    units: pieces * plan.splits,
    work: products(conv),
    scratchBytes: Object.values(sizes).reduce((sum, size) => sum + size, 0),
    emitUnit: (target) => emitProductUnit(emitter(target.f), planned, target),
  };
  if (plan.splits === 1) return [product];
  const total: BlockProgram = {
    ...common,
    units: pieces * conv.outChannels,
    work: (pieces * conv.outChannels * plan.splits * planned.sumRow) / (4 * bytes),
    scratchBytes: planned.sumRow,
    emitUnit: (target) => emitTotalUnit(emitter(target.f), planned, target),
  };
  return [product, total];
}

/** Where a stretch of a piece's sums is kept for the second part. */
const keptSums = (
  e: Emitter,
  { plan, sizes }: Planned,
  { shared }: BlockTarget,
  piece: I32,
  split: I32,
): I32 => e.hold(e.add(shared, e.mul(e.add(e.mul(piece, plan.splits), split), sizes.sums)));

function emitProductUnit(e: Emitter, planned: Planned, target: BlockTarget): void {
  const { conv, plan, sizes } = planned;
  const piece = e.hold(e.div(target.unit, plan.splits));
  const split = e.hold(e.rem(target.unit, plan.splits));
  const unit = emitUnitBounds(e, planned, piece, split, target);
  if (plan.splits > 1) unit.areas.sums = keptSums(e, planned, target, piece, split);
  if (plan.taps > 0) emitProduct(e, planned, unit, target);
  // No tap of an input with gaps meets these positions.
  else emitZeros(e, unit.areas.sums, sizes.sums);
  if (plan.splits === 1) emitResults(e, planned, unit, target, [0, conv.outChannels]);
}

/** One output channel of a piece. */
function emitTotalUnit(e: Emitter, planned: Planned, target: BlockTarget): void {
  const { conv, plan, sizes, sumRow } = planned;
  const piece = e.hold(e.div(target.unit, conv.outChannels));
  const row = e.hold(e.rem(target.unit, conv.outChannels));
  const unit = emitUnitBounds(e, planned, piece, 0, target);
  const ahead = e.hold(e.mul(row, sumRow));
  const source = e.hold(e.add(keptSums(e, planned, target, piece, 0), ahead));
  emitTotals(e, target.scratch, source, sumRow, plan.splits, sizes.sums);
  unit.areas.sums = e.hold(e.sub(target.scratch, ahead));
  emitResults(e, planned, unit, target, [row, e.hold(e.add(row, 1))]);
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
