import {
  DTYPES,
  type DType,
  fromBytes,
  ShapeError,
  type Tensor,
  type TypedArray,
  ValueError,
} from '@neurite/tensor';

/** Row-major numbers in host memory with a shape: what file readers return and transforms work on. */
export interface HostArray<D extends DType = DType> {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: D;
}

const DTYPE_OF: ReadonlyMap<unknown, DType> = new Map<unknown, DType>([
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Uint8ClampedArray, 'uint8'],
  [Uint16Array, 'float16'],
]);

/** Whether a value is a typed array that tensors can be made from. */
export const isTypedArray = (value: unknown): value is TypedArray =>
  typeof value === 'object' && value !== null && DTYPE_OF.has(value.constructor);

/** Whether a value is a {@link HostArray}. */
export const isHostArray = (value: unknown): value is HostArray =>
  typeof value === 'object' &&
  value !== null &&
  'shape' in value &&
  Array.isArray(value.shape) &&
  'dtype' in value &&
  'data' in value &&
  isTypedArray(value.data);

/** Number of elements of a shape. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/**
 * Wraps a typed array (not copied) with a shape. The dtype follows from the array's type; `Uint16Array` holds the raw
 * bits of float16, and booleans are a `Uint8Array` with `dtype: 'bool'`.
 *
 * @throws ShapeError when the shape does not hold the array's number of elements.
 * @throws ValueError when the dtype is stored in another type of array.
 */
export function hostArray(
  data: TypedArray,
  shape: readonly number[] = [data.length],
  dtype?: DType,
): HostArray {
  const natural = DTYPE_OF.get(data.constructor);
  if (natural === undefined)
    throw new ValueError(`hostArray: ${data.constructor.name} holds no dtype of a tensor`);
  if (elementCount(shape) !== data.length) {
    throw new ShapeError(
      `hostArray: shape [${shape.join(', ')}] holds ${elementCount(shape)} elements, the array has ${data.length}`,
    );
  }
  if (dtype !== undefined && !(DTYPES[dtype].bytes === data.BYTES_PER_ELEMENT && isStoredIn(dtype, data))) {
    throw new ValueError(`hostArray: ${dtype} is not stored in a ${data.constructor.name}`);
  }
  return { data, shape: [...shape], dtype: dtype ?? natural };
}

const isStoredIn = (dtype: DType, data: TypedArray): boolean =>
  data instanceof DTYPES[dtype].array ||
  ((data as unknown) instanceof Uint8ClampedArray && dtype === 'uint8');

/** A tensor on the array's own memory, without a copy: the array must not be changed afterwards. */
export function toTensor({ data, shape, dtype }: HostArray): Tensor {
  return fromBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), shape, dtype);
}

/** Elements in one entry of the first dimension. */
const rowSize = (array: HostArray): number => elementCount(array.shape.slice(1));

/** Entry `index` of the first dimension, as a view on the same memory. */
export function row(array: HostArray, index: number): HostArray {
  const size = rowSize(array);
  const data = array.data.subarray(index * size, (index + 1) * size);
  return { data, shape: array.shape.slice(1), dtype: array.dtype };
}

/** A zeroed typed array of the same type as `like`. */
export function allocateLike(like: TypedArray, size: number): TypedArray {
  const ArrayType = like.constructor as new (length: number) => TypedArray;
  return new ArrayType(size);
}

/** Copies the entries `indices` of the first dimension into a fresh array, in that order. */
export function gatherRows(array: HostArray, indices: ArrayLike<number>): HostArray {
  const size = rowSize(array);
  const data = allocateLike(array.data, indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    const start = indices[i] * size;
    data.set(array.data.subarray(start, start + size), i * size);
  }
  return { data, shape: [indices.length, ...array.shape.slice(1)], dtype: array.dtype };
}
