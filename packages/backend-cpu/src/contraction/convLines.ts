/**
 * Sums of few output channels, line by line: with fewer rows than the packed product has, filling its panels costs more than
 * multiplying them. Neighbouring pixels are neighbours in memory here, so vectors of them are read where they are.
 */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import type { ConvPlan } from './convPlan.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import { FLOAT32, ROWS, storeSums } from './microKernel.js';

const { bytes, lanes, shape, splat } = FLOAT32;
/** Vectors of sums that one pass over the taps keeps in registers. */
const MAX_VECTORS = 9;

/** `k` products of every pixel of a unit. */
export interface LinesPass {
  /** Where the first pixel's first tap is. */
  readonly source: I32;
  /** Offsets of taps, and a strip of packed weights, from the pass's first product on. */
  readonly taps: I32;
  readonly strip: I32;
  readonly k: I32;
  /** Address of the sums, and bytes between those of two output channels. */
  readonly sums: I32;
  readonly sumRow: number;
  /** Whether the sums hold something already. */
  readonly started: I32;
}

/** Writes the code of a pass over `images` images of these extents, for `rows` output channels. */
export function emitLines(
  e: Emitter,
  module: ModuleBuilder,
  plan: ConvPlan,
  rows: number,
  images: I32,
  extents: readonly I32[],
  pass: LinesPass,
): void {
  const all = plan.linePitch / lanes;
  const most = Math.floor(MAX_VECTORS / rows);
  const block = Math.ceil(all / Math.ceil(all / most));
  // Lines that a unit cuts have a length of their own.
  const rest = plan.axis === 2 ? 1 : all % block;
  const length = extents[2]!;
  const end = e.hold(
    typeof length === 'number' ? plan.linePitch : e.mul(e.div(e.add(length, lanes - 1), lanes), lanes),
  );
  const sum = e.variable(pass.sums);
  e.nest([images, extents[0]!, extents[1]!], ([image, z, y]) => {
    const from = e.hold(
      e.add(
        pass.source,
        e.mul(image!, plan.imageStride),
        e.mul(z!, plan.stride[0] * plan.sourceStrides[0]),
        e.mul(y!, plan.stride[1] * plan.sourceStrides[1]),
      ),
    );
    const x = e.variable(0);
    const stretch = (vectors: number) => {
      const stop = e.hold(e.sub(end, lanes * vectors - 1));
      e.loop(x.get, stop, lanes * vectors, (at) => {
        e.push(e.add(sum.get, e.mul(at, bytes)));
        e.push(e.add(from, e.mul(at, bytes)));
        e.push(pass.taps);
        e.push(pass.strip);
        e.push(pass.k);
        e.push(pass.sumRow);
        e.push(pass.started);
        e.f.call(linesKernel(module, rows, vectors));
        // The next stretch goes on from here.
        x.set(e.add(at, lanes * vectors));
      });
    };
    stretch(block);
    if (rest > 0 && block > 1) stretch(rest);
    sum.advance(plan.linePitch * bytes);
  });
}

/**
 * `(c, source, taps, strip, k, rowBytes, add)`: sums of `vectors` vectors of neighbouring pixels for `rows` channels over k ≥ 1
 * taps, whose offsets stand at `taps`; `add` ≠ 0 adds to what C holds.
 */
function linesKernel(module: ModuleBuilder, rows: number, vectors: number): FunctionBuilder {
  return module.helper(
    `lines.${rows}.${vectors}`,
    ['i32', 'i32', 'i32', 'i32', 'i32', 'i32', 'i32'],
    [],
    (f) => {
      const [c, source, taps, strip, k, rowBytes, add] = [0, 1, 2, 3, 4, 5, 6];
      const e = emitter(f);
      const at = f.local('i32');
      const column = f.local('v128');
      const factors = Array.from({ length: rows }, () => f.local('v128'));
      const sums = factors.map(() => Array.from({ length: vectors }, () => f.local('v128')));
      const weights = e.variable(() => f.get(strip));
      const end = e.hold(
        e.add(
          () => f.get(taps),
          e.mul(() => f.get(k), 4),
        ),
      );
      e.walk(
        () => f.get(taps),
        end,
        4,
        (tap) => {
          f.get(source);
          tap();
          f.memory('i32.load');
          f.op('i32.add');
          f.set(at);
          factors.forEach((factor, i) => {
            weights.get();
            f.memory(splat, bytes * i);
            f.set(factor);
          });
          for (let j = 0; j < vectors; j += 1) {
            f.get(at);
            f.memory('v128.load', 16 * j, bytes);
            f.set(column);
            factors.forEach((factor, i) => {
              f.get(sums[i]![j]!);
              f.get(column);
              f.get(factor);
              f.op(`${shape}.mul`);
              f.op(`${shape}.add`);
              f.set(sums[i]![j]!);
            });
          }
          weights.advance(ROWS * bytes);
        },
      );
      storeSums(f, shape, sums, { c, rowBytes, add });
    },
  );
}
