/** How a convolution fills panels: from the input, or from a copy of it with the zeros that padding and dilation mean. */
import type { ConvContraction } from '@neurite/tensor';
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import type { ConvPlan } from './convPlan.js';
import { type Emitter, emitter, type I32, type Variable } from './emit.js';
import { FLOAT32, ROWS } from './microKernel.js';
import { packStrip, transpose4 } from './pack.js';

const { bytes } = FLOAT32;

/** Writes the byte offset of each (channel, tap) of a block of channels: k as panels count it. */
export function emitTapTable(e: Emitter, plan: ConvPlan, table: I32): void {
  const to = e.variable(table);
  e.nest([plan.channels, ...plan.kernel], ([c, ...t]) => {
    to.get();
    const steps = t.map((at, i) => e.mul(at, plan.dilation[i]! * plan.sourceStrides[i]!));
    e.push(e.add(e.mul(c!, plan.channelStride), ...steps));
    e.f.memory('i32.store');
    to.advance(4);
  });
}

/**
 * Writes the byte offset of each pixel of a unit, then once more the first one, so that the last panel is full. `extents` are
 * those of an image's part.
 */
export function emitPixelTable(
  e: Emitter,
  plan: ConvPlan,
  table: I32,
  images: I32,
  extents: readonly I32[],
): void {
  const to = e.variable(table);
  e.nest([images, ...extents], ([image, ...y]) => {
    to.get();
    const steps = y.map((at, i) => e.mul(at, plan.stride[i]! * plan.sourceStrides[i]!));
    e.push(e.add(e.mul(image!, plan.imageStride), ...steps));
    e.f.memory('i32.store');
    to.advance(4);
  });
  e.loop(0, 7, 1, () => {
    to.get();
    e.push(0);
    e.f.memory('i32.store');
    to.advance(4);
  });
}

/** Taps of one round of filling a panel. */
const ROUND = 4;
/** Offsets that are one element apart. */
const isRun = (e: Emitter, at: readonly I32[]): I32 =>
  at.slice(1).reduce<I32>((all, next, i) => e.both(all, e.equal(e.sub(next, at[i]!), bytes)), 1);

/**
 * `(target, source, pixels, taps, k)`: fills a panel of eight columns, whose offsets stand at `pixels`, for k taps, whose
 * offsets stand at `taps`.
 */
export function packPixels(module: ModuleBuilder): FunctionBuilder {
  return module.helper('packPixels', ['i32', 'i32', 'i32', 'i32', 'i32'], [], (f) => {
    const e = emitter(f);
    const [target, source, pixels, taps, k] = [0, 1, 2, 3, 4].map((i) => () => f.get(i)) as [
      I32,
      I32,
      I32,
      I32,
      I32,
    ];
    const word = (address: I32, offset: number) => () => {
      e.push(address);
      f.memory('i32.load', offset);
    };
    const end = e.hold(e.add(taps, e.mul(k, 4)));
    const whole = e.hold(e.sub(end, e.mul(e.rem(k, ROUND), 4)));
    const to = e.variable(target);
    /** Copies four or two pixels from each of these places to neighbouring columns, for `count` taps from `tap` on. */
    const copy = (width: 4 | 2, places: readonly I32[], column: number, tap: I32, count: number) => {
      const type = width === 4 ? 'v128' : 'i64';
      for (let t = 0; t < count; t += 1) {
        const offset = e.hold(word(tap, 4 * t));
        places.forEach((place, i) => {
          to.get();
          e.push(e.add(place, offset));
          f.memory(`${type}.load`, 0, bytes);
          f.memory(`${type}.store`, column + bytes * (width * i + 8 * t), bytes);
        });
      }
      to.advance(8 * bytes * count);
    };
    const rounds = (pack: (tap: I32, count: number) => void) => {
      to.set(target);
      e.walk(taps, whole, 4 * ROUND, (tap) => pack(tap, ROUND));
      e.walk(whole, end, 4, (tap) => pack(tap, 1));
    };
    const halves = [0, 1].map((half) => {
      const at = [0, 1, 2, 3].map((i) => e.hold(e.add(source, word(pixels, 16 * half + 4 * i))));
      const pairs = e.both(isRun(e, at.slice(0, 2)), isRun(e, at.slice(2)));
      return { at, column: 16 * half, together: e.hold(isRun(e, at)), pairs };
    });
    const [left, right] = halves as [(typeof halves)[0], (typeof halves)[0]];
    e.when(
      e.both(left.together, right.together),
      () => rounds((tap, count) => copy(4, [left.at[0]!, right.at[0]!], 0, tap, count)),
      () => {
        for (const { at, column, together, pairs } of halves) {
          const gathered = () => rounds((tap, count) => gather(e, at, column, to, tap, count, word));
          const inPairs = () => rounds((tap, count) => copy(2, [at[0]!, at[2]!], column, tap, count));
          const inOne = () => rounds((tap, count) => copy(4, [at[0]!], column, tap, count));
          e.when(together, inOne, () => e.when(pairs, inPairs, gathered));
        }
      },
    );
  });
}

/** As `copy`, for four pixels wherever they are: where taps are neighbours in memory, blocks of 4×4 are transposed in registers. */
function gather(
  e: Emitter,
  at: readonly I32[],
  column: number,
  to: Variable,
  tap: I32,
  count: number,
  word: (address: I32, offset: number) => I32,
): void {
  const { f } = e;
  const offsets = Array.from({ length: count }, (_, t) => e.hold(word(tap, 4 * t)));
  const elements = () =>
    offsets.forEach((offset, t) => {
      at.forEach((pixel, i) => {
        to.get();
        e.push(e.add(pixel, offset));
        f.memory('i32.load');
        f.memory('i32.store', column + 4 * i + 8 * bytes * t);
      });
    });
  if (count < ROUND) elements();
  else {
    e.when(
      isRun(e, offsets),
      () => {
        const rows = at.map((pixel) => {
          const row = f.local('v128');
          e.push(e.add(pixel, offsets[0]!));
          f.memory('v128.load', 0, bytes);
          f.set(row);
          return row;
        });
        transpose4(f, rows);
        rows.forEach((row, t) => {
          to.get();
          f.get(row);
          f.memory('v128.store', column + 8 * bytes * t);
        });
      },
      elements,
    );
  }
  to.advance(8 * bytes * count);
}

/**
 * Copies `channels` channels of `images` images from the address `source`, as far as a unit that starts at line `first` of
 * `plan.axis` sees them. The zeros are there already.
 */
export function emitCopy(
  e: Emitter,
  plan: ConvPlan,
  conv: ConvContraction,
  copy: I32,
  source: I32,
  images: I32,
  channels: I32,
  first: I32,
): void {
  // Position p of the copy is element (p + start − padding) / inputDilation of the input.
  const spans = plan.copySize.map((size, i) => {
    const start = i === plan.axis ? e.mul(first, plan.stride[i]!) : 0;
    const gap = plan.inputDilation[i]!;
    const from = e.hold(e.sub(start, plan.padding[i]!));
    const ceiling = (value: I32) => e.div(e.add(e.max(value, 0), gap - 1), gap);
    const begin = e.hold(ceiling(from));
    const end = e.hold(e.min(plan.inputSize[i]!, ceiling(e.add(from, size))));
    const length = e.hold(e.max(0, e.sub(end, begin)));
    const to = e.hold(e.mul(e.sub(e.mul(begin, gap), from), plan.sourceStrides[i]!));
    return { begin, length, to, step: gap * plan.sourceStrides[i]! };
  });
  const [z, y, x] = spans as [(typeof spans)[0], (typeof spans)[0], (typeof spans)[0]];
  const skipped = spans.map((span, i) => e.mul(span.begin, plan.inputStrides[i]! * bytes));
  const fromStart = e.hold(e.add(source, ...skipped));
  const toStart = e.hold(e.add(copy, z.to, y.to, x.to));
  const { batch, channel } = conv.input.strides;
  e.nest([images, channels, z.length, y.length], ([n, c, iz, iy]) => {
    const planes = plan.inputStrides;
    const from = e.hold(
      e.add(
        fromStart,
        e.mul(n!, batch * bytes),
        e.mul(c!, channel * bytes),
        e.mul(iz!, planes[0] * bytes),
        e.mul(iy!, planes[1] * bytes),
      ),
    );
    const to = e.hold(
      e.add(
        toStart,
        e.mul(n!, plan.imageStride),
        e.mul(c!, plan.channelStride),
        e.mul(iz!, z.step),
        e.mul(iy!, y.step),
      ),
    );
    copyLine(e, to, from, x.length, x.step, planes[2] * bytes);
  });
}

function copyLine(e: Emitter, to: I32, from: I32, length: I32, toStep: number, fromStep: number): void {
  const { f } = e;
  const elements = () =>
    e.loop(0, length, 1, (i) => {
      e.push(e.add(to, e.mul(i, toStep)));
      e.push(e.add(from, e.mul(i, fromStep)));
      f.memory('i32.load');
      f.memory('i32.store');
    });
  if (toStep !== bytes || fromStep !== bytes) {
    elements();
    return;
  }
  const vector = (at: I32) => {
    e.push(e.add(to, at));
    e.push(e.add(from, at));
    f.memory('v128.load', 0, bytes);
    f.memory('v128.store', 0, bytes);
  };
  e.when(e.less(length, 4), elements, () => {
    // The last vector overlaps the one before.
    const last = e.hold(e.mul(e.sub(length, 4), bytes));
    e.loop(0, last, 16, vector);
    vector(last);
  });
}

/**
 * Packs all rows of the weight for `channels` channels from the address `source`: strips of `ROWS` output channels, each with
 * room for `plan.channels` channels.
 */
export function emitWeights(
  e: Emitter,
  module: ModuleBuilder,
  plan: ConvPlan,
  conv: ConvContraction,
  panels: I32,
  source: I32,
  channels: I32,
): void {
  const { out, channel } = conv.weight.strides;
  // Dimensions of k, outermost first; those from `split` on are one run with a constant stride.
  const sizes = [conv.inChannels, ...plan.kernel];
  const strides = [channel, ...plan.weightStrides];
  const inner = Math.max(
    0,
    sizes.findLastIndex((size) => size > 1),
  );
  const along = strides[inner]!;
  let length = sizes[inner]!;
  let split = inner;
  while (split > 0 && (sizes[split - 1] === 1 || strides[split - 1] === along * length)) {
    split -= 1;
    length *= sizes[split]!;
  }
  const run = split === 0 ? e.hold(e.mul(channels, plan.taps)) : length;
  const strip = packStrip(module, FLOAT32, ROWS, { across: out * bytes, along: along * bytes });
  const stripBytes = plan.channels * plan.taps * ROWS * bytes;
  e.loop(0, conv.outChannels, ROWS, (row) => {
    const to = e.variable(e.add(panels, e.mul(row, stripBytes / ROWS)));
    const from = e.hold(e.add(source, e.mul(row, out * bytes)));
    const count = e.hold(e.min(ROWS, e.sub(conv.outChannels, row)));
    e.nest([channels, ...plan.kernel].slice(0, split), (at) => {
      to.get();
      e.push(e.add(from, ...at.map((i, d) => e.mul(i, strides[d]! * bytes))));
      e.push(count);
      e.push(run);
      e.f.call(strip);
      to.advance(e.mul(run, ROWS * bytes));
    });
  });
}
