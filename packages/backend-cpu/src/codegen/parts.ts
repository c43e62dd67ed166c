/**
 * A part of a program that runs several nests: they do not depend on each other, so threads share them all at once rather than wait
 * for each other after every one. A unit of such a part is a slice of one nest, all slices having about the same work.
 */
import { PART, type PartFacts } from '../program.js';
import type { ModuleBuilder } from '../wasm/encoder.js';
import type { NestFunction } from './nest.js';

/** Slices of a part, about: enough to be shared out evenly. */
const SLICES = 256;

interface Sliced {
  readonly nest: NestFunction;
  readonly first: number;
  readonly slices: number;
}

/** Exports a function that runs all of `nests`, none of which is empty. `sliceWork`: instructions that a slice has at least. */
export function emitPart(
  module: ModuleBuilder,
  name: string,
  nests: readonly NestFunction[],
  sliceWork: number,
): PartFacts {
  const work = nests.reduce((sum, nest) => sum + nest.work, 0);
  if (nests.length === 1) {
    const [{ f, units }] = nests;
    module.exportFunction(f);
    return { name: f.name, units, work };
  }
  const each = Math.max(sliceWork, work / SLICES);
  let total = 0;
  const sliced = nests.map((nest): Sliced => {
    const slices = Math.min(Math.max(Math.round(nest.work / each), 1), nest.units);
    total += slices;
    return { nest, first: total - slices, slices };
  });
  const f = module.func(name, ['i32', 'i32', 'i32', 'i32']);
  /** The unit at which slice `edge` of the part starts; before and after the nest's own slices its first unit and its end. */
  const pushUnit = (edge: number, { nest, first, slices }: Sliced) => {
    const slice = f.local('i32');
    const clamp = (bound: number, compare: 'i32.gt_s' | 'i32.lt_s') => {
      f.get(slice);
      f.i32(bound);
      f.get(slice);
      f.i32(bound);
      f.op(compare);
      f.op('select');
      f.set(slice);
    };
    f.get(edge);
    f.i32(first);
    f.op('i32.sub');
    f.set(slice);
    clamp(0, 'i32.gt_s');
    clamp(slices, 'i32.lt_s');
    f.get(slice);
    if (slices === nest.units) return;
    f.op('i64.extend_i32_u');
    f.i64(BigInt(nest.units));
    f.op('i64.mul');
    f.i64(BigInt(slices));
    f.op('i64.div_u');
    f.op('i32.wrap_i64');
  };
  for (const own of sliced) {
    // A nest returns at once from an empty range.
    pushUnit(PART.begin, own);
    pushUnit(PART.end, own);
    f.get(PART.args);
    f.get(PART.scratch);
    f.call(own.nest.f);
  }
  module.exportFunction(f);
  return { name, units: total, work };
}
