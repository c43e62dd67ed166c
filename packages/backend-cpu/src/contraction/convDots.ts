/**
 * Sums of a single output channel over long lines (a depthwise weight's gradient): few results, each the product of two planes.
 * All results of a few lines are summed at once, in vectors of neighbouring taps that are read where they are.
 */
import type { FunctionBuilder, ModuleBuilder } from '../wasm/encoder.js';
import type { ConvPlan } from './convPlan.js';
import { type Emitter, emitter, type I32 } from './emit.js';
import { FLOAT32 } from './microKernel.js';

const { bytes, lanes } = FLOAT32;
/** Sums that are kept in registers. */
const MAX_SUMS = 12;

/** Whether a line of results fits into registers. */
export const fitsDots = (results: number): boolean => results <= MAX_SUMS;

/** Bytes of the sums of a unit, a vector for each result. */
export const dotBytes = ({ output }: ConvPlan): number => output[0] * output[1] * output[2] * lanes * bytes;

/** Two planes: where the first result's first tap is, where the first weight is, and the vectors that are added to. */
export interface DotPass {
  readonly source: I32;
  readonly weight: I32;
  readonly sums: I32;
}

/** Writes the code that adds the products of one channel to all sums, in chains of at most `maxDepth`. */
export function emitDots(
  e: Emitter,
  module: ModuleBuilder,
  plan: ConvPlan,
  maxDepth: number,
  { source, weight, sums }: DotPass,
): void {
  const { output, kernel, stride, dilation, sourceStrides, weightStrides } = plan;
  const group = Math.min(output[1], Math.floor(MAX_SUMS / output[2]));
  const depth = Math.max(1, Math.floor(maxDepth / Math.ceil(kernel[2] / lanes)));
  const resultLine = output[2] * lanes * bytes;
  const add = (rows: number, oz: I32, oy: I32) =>
    e.loop(0, kernel[0], 1, (kz) =>
      e.loop(0, kernel[1], depth, (ky) => {
        e.push(e.add(sums, e.mul(e.add(e.mul(oz, output[1]), oy), resultLine)));
        e.push(
          e.add(
            source,
            e.mul(oz, stride[0] * sourceStrides[0]),
            e.mul(oy, stride[1] * sourceStrides[1]),
            e.mul(kz, dilation[0] * sourceStrides[0]),
            e.mul(ky, dilation[1] * sourceStrides[1]),
          ),
        );
        e.push(e.add(weight, e.mul(kz, weightStrides[0] * bytes), e.mul(ky, weightStrides[1] * bytes)));
        e.push(e.min(depth, e.sub(kernel[1], ky)));
        e.f.call(dotKernel(module, plan, rows));
      }),
    );
  const whole = output[1] - (output[1] % group);
  e.loop(0, output[0], 1, (oz) => {
    e.loop(0, whole, group, (oy) => add(group, oz, oy));
    if (whole < output[1]) add(output[1] - whole, oz, whole);
  });
}

/**
 * `(sums, source, weight, lines)`: adds to `rows` lines of results the products of `lines` lines of taps. The last vector of a
 * line overlaps the one before, whose lanes do not count twice.
 */
function dotKernel(module: ModuleBuilder, plan: ConvPlan, rows: number): FunctionBuilder {
  const { output, kernel, stride, dilation, sourceStrides, weightStrides } = plan;
  return module.helper(`dots.${rows}`, ['i32', 'i32', 'i32', 'i32'], [], (f) => {
    const e = emitter(f);
    const [target, lines] = [() => f.get(0), () => f.get(3)];
    const [source, weight] = [e.variable(() => f.get(1)), e.variable(() => f.get(2))];
    const sums = Array.from({ length: rows * output[2] }, () => f.local('v128'));
    const factor = f.local('v128');
    const vector = (from: I32, by: I32, counts: number) => {
      e.push(by);
      f.memory('v128.load', 0, bytes);
      if (counts < lanes) {
        f.i32x4(
          ...([0, 1, 2, 3].map((i) => (i < lanes - counts ? 0 : -1)) as [number, number, number, number]),
        );
        f.op('v128.and');
      }
      f.set(factor);
      const at = e.hold(from);
      sums.forEach((sum, i) => {
        const [row, column] = [Math.floor(i / output[2]), i % output[2]];
        f.get(sum);
        f.get(factor);
        e.push(at);
        f.memory('v128.load', row * stride[1] * sourceStrides[1] + column * stride[2] * bytes, bytes);
        f.op('f32x4.mul');
        f.op('f32x4.add');
        f.set(sum);
      });
    };
    const whole = kernel[2] - (kernel[2] % lanes);
    e.loop(0, lines, 1, () => {
      e.loop(0, whole * bytes, lanes * bytes, (x) =>
        vector(e.add(source.get, x), e.add(weight.get, x), lanes),
      );
      if (whole < kernel[2]) {
        const last = (kernel[2] - lanes) * bytes;
        vector(e.add(source.get, last), e.add(weight.get, last), kernel[2] - whole);
      }
      source.advance(dilation[1] * sourceStrides[1]);
      weight.advance(weightStrides[1] * bytes);
    });
    sums.forEach((sum, i) => {
      e.push(target);
      e.push(target);
      f.memory('v128.load', 16 * i);
      f.get(sum);
      f.op('f32x4.add');
      f.memory('v128.store', 16 * i);
    });
  });
}

/** Adds up the lanes of `count` vectors at `from` and writes them one after another. */
export function emitDotSums(e: Emitter, to: I32, from: I32, count: I32): void {
  const { f } = e;
  const sum = f.local('v128');
  e.loop(0, count, 1, (i) => {
    e.push(e.add(from, e.mul(i, lanes * bytes)));
    f.memory('v128.load');
    f.set(sum);
    e.push(e.add(to, e.mul(i, bytes)));
    for (let lane = 0; lane < lanes; lane += 1) {
      f.get(sum);
      f.lane('f32x4.extract_lane', lane);
      if (lane % 2 === 1) f.op('f32.add');
    }
    f.op('f32.add');
    f.memory('f32.store');
  });
}
