/** Making tensors from host data and from formulas. */
import { allocateArray, DTYPES, type DType, isFloat, type TypedArray, toHalfBits } from '../dtype.js';
import { DTypeError, ShapeError, ValueError } from '../errors.js';
import { leaf, type Node, sizeOf } from '../graph/node.js';
import { hostStorage } from '../graph/storage.js';
import { bindVariable } from '../graph/variable.js';
import { cast } from '../ops/cast.js';
import * as create from '../ops/create.js';
import { checkSizes, showShape } from '../ops/dims.js';
import { eq } from '../ops/elementwise.js';
import { add, mul } from '../ops/math.js';
import type { Device } from '../runtime/device.js';
import { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';

/** Options of every function that makes a tensor. */
export interface TensorOptions<D extends DType = DType> {
  readonly dtype?: D;
  /** The default device of the moment of computation when absent. */
  readonly device?: Device | null;
  readonly requiresGrad?: boolean;
}

/** A handle on a fresh node, with the options that say nothing about its value. */
export function finish<S extends Shape, D extends DType>(node: Node, options: TensorOptions): Tensor<S, D> {
  node.device = options.device ?? null;
  const t = Tensor.fromNode<S, D>(node);
  if (options.requiresGrad) {
    if (!isFloat(node.dtype))
      throw new DTypeError(`requiresGrad: only float tensors can require gradients, got ${node.dtype}`);
    bindVariable(t, node);
  }
  return t;
}

type Elements = TypedArray | Int16Array | Uint8ClampedArray;
/** What `tensor` takes: a number, a boolean, a typed array, or arrays of these. */
export type TensorData = number | boolean | Elements | readonly TensorData[];

type Scalar = number | boolean;
type Row = Elements | readonly Scalar[];
type ShapeOfData<T> = T extends Scalar
  ? readonly []
  : T extends Row
    ? readonly [number]
    : T extends readonly Row[]
      ? readonly [number, number]
      : T extends readonly (readonly Row[])[]
        ? readonly [number, number, number]
        : Shape;
type Entry<T> = T extends readonly (infer E)[] ? E : T;
type DTypeOfData<T> = [T] extends [never] ? 'float32' : DTypeOfEntry<Entry<Entry<Entry<Entry<T>>>>>;
type DTypeOfEntry<T> = T extends boolean
  ? 'bool'
  : T extends number | Float32Array
    ? 'float32'
    : T extends Float64Array
      ? 'float64'
      : T extends Uint32Array
        ? 'uint32'
        : T extends Int8Array
          ? 'int8'
          : T extends Uint8Array | Uint8ClampedArray
            ? 'uint8'
            : T extends Elements
              ? 'int32'
              : DType;

const isElements = (x: TensorData): x is Elements => ArrayBuffer.isView(x);

function dtypeOfData(data: TensorData): DType {
  if (typeof data === 'boolean') return 'bool';
  if (typeof data === 'number') return 'float32';
  if (!isElements(data)) return data.length ? dtypeOfData(data[0]) : 'float32';
  if (data instanceof Float32Array) return 'float32';
  if (data instanceof Float64Array) return 'float64';
  if (data instanceof Uint32Array) return 'uint32';
  if (data instanceof Int8Array) return 'int8';
  return data instanceof Uint8Array || data instanceof Uint8ClampedArray ? 'uint8' : 'int32';
}

function shapeOfData(data: TensorData): number[] {
  const shape: number[] = [];
  for (let d = data; typeof d === 'object'; d = isElements(d) ? 0 : d[0]) {
    shape.push(d.length);
    if (d.length === 0) break;
  }
  return shape;
}

/** Writes nested data into `out` in row-major order; throws ShapeError where it is not a box of `shape`. */
function flattenInto(
  out: TypedArray,
  data: TensorData,
  shape: readonly number[],
  convert: (x: number) => number,
): void {
  let position = 0;
  const visit = (x: TensorData, dim: number): void => {
    const length = typeof x === 'object' ? x.length : -1;
    const wanted = dim < shape.length ? shape[dim] : -1;
    if (length !== wanted)
      throw new ShapeError(
        `tensor: nested arrays must form a box: expected ${wanted < 0 ? 'a number' : `${wanted} entries`} at depth ${dim} of shape ${showShape(shape)}, got ${length < 0 ? 'a number' : length}`,
      );
    if (typeof x !== 'object') out[position++] = convert(Number(x));
    else if (isElements(x)) for (const v of x) out[position++] = convert(v);
    else for (const v of x) visit(v, dim + 1);
  };
  visit(data, 0);
}

/** How a number is stored in the typed array of a dtype. */
function converter(dtype: DType): (x: number) => number {
  if (dtype === 'float16') return toHalfBits;
  if (dtype === 'bool') return (x) => (x !== 0 ? 1 : 0);
  return isFloat(dtype) ? (x) => x : Math.trunc;
}

/**
 * A tensor with a copy of host data. Numbers are float32 and booleans bool unless `dtype` says otherwise; typed arrays
 * have the dtype of their elements. `shape` gives flat data a shape. Throws ShapeError for ragged data.
 */
export function tensor<
  T extends TensorData,
  const S extends Shape = ShapeOfData<T>,
  D extends DType = DTypeOfData<T>,
>(data: T, options: TensorOptions<D> & { readonly shape?: S } = {}): Tensor<S, D> {
  const dtype = options.dtype ?? dtypeOfData(data);
  const own = shapeOfData(data);
  const shape = options.shape ?? own;
  checkSizes('tensor', shape);
  const size = sizeOf(own);
  if (sizeOf(shape) !== size)
    throw new ShapeError(
      `tensor: ${size} elements do not fill shape ${showShape(shape)} (${sizeOf(shape)} elements)`,
    );
  const array = allocateArray(dtype, size);
  const plain = dtype !== 'bool' && dtype !== 'float16' && dtypeOfData(data) === dtype;
  if (isElements(data) && plain) array.set(data);
  else flattenInto(array, data, own, converter(dtype));
  return fromBytes(new Uint8Array(array.buffer), shape, dtype, options) as Tensor as Tensor<S, D>;
}

/**
 * A tensor on row-major little-endian bytes, without a copy: the caller must not change them afterwards.
 * Throws ShapeError when their number does not fit shape and dtype.
 */
export function fromBytes<const S extends Shape, D extends DType>(
  bytes: Uint8Array,
  shape: S,
  dtype: D,
  options: Omit<TensorOptions, 'dtype'> = {},
): Tensor<S, D> {
  checkSizes('fromBytes', shape);
  const size = sizeOf(shape);
  if (bytes.byteLength !== size * DTYPES[dtype].bytes)
    throw new ShapeError(
      `fromBytes: ${bytes.byteLength} bytes do not fill shape ${showShape(shape)} of ${dtype} (${size * DTYPES[dtype].bytes} bytes)`,
    );
  const aligned = bytes.byteOffset % DTYPES[dtype].bytes === 0 ? bytes : bytes.slice();
  return finish(leaf(hostStorage(dtype, size, aligned), shape, null), options);
}

/** Every element is `value`; float32 for a number and bool for a boolean unless `dtype` says otherwise. */
export function full<
  const S extends Shape,
  const V extends number | boolean,
  D extends DType = V extends boolean ? 'bool' : 'float32',
>(shape: S, value: V, options: TensorOptions<D> = {}): Tensor<S, D> {
  checkSizes('full', shape);
  const dtype = options.dtype ?? (typeof value === 'boolean' ? 'bool' : 'float32');
  return finish(create.full([...shape], Number(value), dtype), options);
}

export const zeros = <const S extends Shape, D extends DType = 'float32'>(
  shape: S,
  options: TensorOptions<D> = {},
): Tensor<S, D> => full(shape, 0, options);
export const ones = <const S extends Shape, D extends DType = 'float32'>(
  shape: S,
  options: TensorOptions<D> = {},
): Tensor<S, D> => full(shape, 1, options);
/** Zeros: there is no uninitialised memory to look into. */
export const empty = zeros;

const like = <D extends DType>(x: Tensor, options: TensorOptions<D>): TensorOptions<D> => ({
  dtype: x.dtype as D,
  device: x.device as Device | null,
  ...options,
});
export const zerosLike = <S extends Shape, T extends DType, D extends DType = T>(
  x: Tensor<S, T>,
  options: TensorOptions<D> = {},
): Tensor<S, D> => full(x.shape, 0, like(x, options));
export const onesLike = <S extends Shape, T extends DType, D extends DType = T>(
  x: Tensor<S, T>,
  options: TensorOptions<D> = {},
): Tensor<S, D> => full(x.shape, 1, like(x, options));
export const fullLike = <S extends Shape, T extends DType, D extends DType = T>(
  x: Tensor<S, T>,
  value: number,
  options: TensorOptions<D> = {},
): Tensor<S, D> => full(x.shape, value, like(x, options));

/**
 * A rank-0 tensor whose value is a runtime argument of the plan: a new value compiles nothing (learning rate, step
 * count, temperature).
 */
export const scalarInput = <D extends DType = 'float32'>(value: number, dtype?: D): Tensor<readonly [], D> =>
  Tensor.fromNode(create.scalar(value, dtype ?? 'float32'));

/** `arange(end)`, `arange(start, end)`, `arange(start, end, step)`: int32 for integers, else float32. */
export function arange<D extends DType = DType>(
  end: number,
  options?: TensorOptions<D>,
): Tensor<readonly [number], D>;
export function arange<D extends DType = DType>(
  start: number,
  end: number,
  options?: TensorOptions<D>,
): Tensor<readonly [number], D>;
export function arange<D extends DType = DType>(
  start: number,
  end: number,
  step: number,
  options?: TensorOptions<D>,
): Tensor<readonly [number], D>;
export function arange(...args: readonly (number | TensorOptions | undefined)[]): Tensor<readonly [number]> {
  const numbers = args.filter((a) => typeof a === 'number');
  const options = args.find((a) => typeof a === 'object') ?? {};
  const [start, end, step = 1] = numbers.length === 1 ? [0, numbers[0]] : numbers;
  const size = Math.ceil((end - start) / step);
  if (!Number.isFinite(size) || step === 0)
    throw new ValueError(`arange: no range from ${start} to ${end} in steps of ${step}`);
  if (size < 0) throw new ValueError(`arange: the step ${step} leads away from ${end}, starting at ${start}`);
  const dtype = options.dtype ?? (numbers.every(Number.isInteger) ? 'int32' : 'float32');
  const counting = create.iota([size], 0, dtype);
  const scaled = step === 1 ? counting : mul(counting, step);
  return finish(cast(start === 0 ? scaled : add(scaled, start), dtype), options);
}

/**
 * Integers of one SIMD register in PyTorch's linspace: it starts each register from a rounded value. int32 stands for
 * PyTorch's int64.
 */
const linspaceLanes = (dtype: DType): number => (dtype === 'int32' ? 4 : 32 / DTYPES[dtype].bytes);

/** `steps` numbers from `start` to `end` inclusive, each computed from the nearer end. */
function evenly(start: number, end: number, steps: number): (i: number) => number {
  const step = (end - start) / (steps - 1);
  return (i) => (i < steps / 2 || steps === 1 ? start + (i && i * step) : end - (steps - 1 - i) * step);
}

/**
 * `steps` numbers from `start` to `end` inclusive, computed from the nearer end; integers as PyTorch's CPU kernel rounds them.
 * https://pytorch.org/docs/1.13/generated/torch.linspace.html
 */
export function linspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  options: TensorOptions<D> = {},
): Tensor<readonly [number], D> {
  checkSizes('linspace', [steps]);
  const step = (end - start) / (steps - 1);
  const at = evenly(start, end, steps);
  const dtype = options.dtype ?? ('float32' as D);
  const lanes = isFloat(dtype) ? 1 : linspaceLanes(dtype);
  const whole = steps - (steps % lanes);
  const values = Float64Array.from({ length: steps }, (_, i) => {
    const lane = i < whole ? i % lanes : 0;
    return lane ? Math.trunc(at(i - lane)) + lane * step : at(i);
  });
  return tensor(values, { ...options, dtype });
}

/**
 * base ** linspace(start, end, steps).
 * https://pytorch.org/docs/1.13/generated/torch.logspace.html
 */
export function logspace<D extends DType = 'float32'>(
  start: number,
  end: number,
  steps: number,
  base = 10,
  options: TensorOptions<D> = {},
): Tensor<readonly [number], D> {
  checkSizes('logspace', [steps]);
  const dtype = options.dtype ?? ('float32' as D);
  const bound = isFloat(dtype) ? (v: number) => v : Math.trunc;
  const exponents = evenly(bound(start), bound(end), steps);
  const values = Float64Array.from({ length: steps }, (_, i) => base ** exponents(i));
  return tensor(values, { ...options, dtype });
}

/** The identity matrix, or `n` rows of `m` columns with ones on the diagonal. */
export function eye<const N extends number, const M extends number = N, D extends DType = 'float32'>(
  n: N,
  m?: M,
  options: TensorOptions<D> = {},
): Tensor<readonly [N, M], D> {
  const shape = [n, m ?? n];
  checkSizes('eye', shape);
  const diagonal = eq(create.iota(shape, 0, 'int32'), create.iota(shape, 1, 'int32'));
  return finish(cast(diagonal, options.dtype ?? 'float32'), options);
}
