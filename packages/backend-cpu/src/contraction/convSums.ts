/** The sums of a unit of a convolution, for one block of channels after another. */
import { dotBytes, emitDotSums, emitDots } from './convDots.js';
import { emitLines } from './convLines.js';
import { emitCopy, emitPixelTable, emitTapTable, emitWeights, packPixels } from './convPack.js';
import { MAX_DEPTH } from './convPlan.js';
import { type Planned, summedInPlace, type Unit } from './convUnit.js';
import type { Emitter, I32 } from './emit.js';
import { columnsOf, FLOAT32, microKernel, ROWS } from './microKernel.js';
import type { BlockTarget } from './program.js';

const { bytes } = FLOAT32;
const WIDTH = columnsOf(FLOAT32);

/** Writes the sums of a unit. */
export function emitProduct(e: Emitter, planned: Planned, unit: Unit, { module, buffer }: BlockTarget): void {
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

export function emitZeros(e: Emitter, at: I32, count: number): void {
  e.push(at);
  e.push(0);
  e.push(count);
  e.f.memoryFill();
}
