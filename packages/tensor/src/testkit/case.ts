/** What cases are made from. */
import { type DType, isFloat } from '../dtype.js';
import { roundTo } from '../kernel/exact.js';
import type { BufferArg, Kernel, Nest, ReduceOp } from '../kernel/ir.js';
import { threefryFill } from '../kernel/threefry.js';
import type { KernelCase, Tolerance } from './harness.js';

/** Numbers of −1 … 1, the same on every machine. */
export function uniform(count: number, seed: number): number[] {
  const bits = new Uint32Array(count);
  threefryFill(bits, 0x5ca1ab1e, seed, 0, 0);
  return Array.from(bits, (x) => x / 2 ** 31 - 1);
}

export const REDUCE_OPS: readonly ReduceOp[] = ['sum', 'prod', 'max', 'min'];

/** Around every vector width from 1 to 16. */
export const EDGE_SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1027];

/** Values of a dtype, `count` of them. */
export function values(dtype: DType, count: number, seed: number): number[] {
  const raw = uniform(count, seed);
  if (dtype === 'bool') return raw.map((x) => (x < 0 ? 0 : 1));
  return raw.map((x) => roundTo(dtype)(isFloat(dtype) ? x * 4 : Math.trunc(x * 100)));
}

/** What summing `count` numbers of about 1 in an order of the backend's own may lose. */
export function lossOf(op: ReduceOp, dtype: DType, count: number): Tolerance {
  if (!isFloat(dtype) || op === 'max' || op === 'min') return {};
  const unit = { float32: 6e-8, float16: 5e-4 }[dtype as string] ?? 1.2e-16;
  return { rtol: unit * (count + 4), atol: unit * (count + 4) };
}

/** Numbers whose product neither vanishes nor overflows. */
export function factors(dtype: DType, count: number): number[] {
  if (!isFloat(dtype)) return values(dtype, count, 3);
  return uniform(count, 3).map((x) => roundTo(dtype)((x < 0 ? -1 : 1) * (1 + x / 8)));
}

/** A case whose results are the oracle's, exact unless `rest` says otherwise. */
export function kernelCase(
  name: string,
  buffers: readonly BufferArg[],
  nests: readonly Nest[],
  inputs: KernelCase['inputs'],
  rest: Partial<KernelCase> & { readonly scalarTypes?: readonly DType[] } = {},
): KernelCase {
  const { scalarTypes = [], ...others } = rest;
  const kernel: Kernel = { name: name.replaceAll(/\W+/g, '_'), buffers, scalars: scalarTypes, nests };
  return { name, kernel, inputs, scalars: [], tolerance: {}, ...others };
}
