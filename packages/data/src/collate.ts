import { DTypeError, ShapeError, stack, Tensor, type TypedArray, ValueError } from '@neurite/tensor';
import {
  allocateLike,
  type HostArray,
  hostArray,
  isHostArray,
  isTypedArray,
  toTensor,
} from './host-array.js';

/** What {@link collate} makes of a list of samples of a type. */
export type Collated<Sample> = Sample extends Tensor | HostArray | TypedArray | number | boolean
  ? Tensor
  : Sample extends string
    ? string[]
    : Sample extends object
      ? { -readonly [K in keyof Sample]: Collated<Sample[K]> }
      : unknown;

/**
 * Makes a batch of samples with a new first dimension, as PyTorch's `default_collate`: tensors, host arrays and typed
 * arrays are stacked; numbers become float32 and booleans bool (class indices want an `Int32Array` or a host array of shape
 * `[]`: whether a plain number is an index cannot be told from its value); strings stay a list; arrays and objects are
 * collated member by member.
 *
 * @throws ShapeError when samples differ in shape, length or keys; DTypeError when they differ in dtype or kind.
 */
export function collate<Sample>(samples: readonly Sample[]): Collated<Sample> {
  if (samples.length === 0) throw new ValueError('collate: expected at least one sample, got none');
  return collateAt(samples, 'sample') as Collated<Sample>;
}

function collateAt(samples: readonly unknown[], path: string): unknown {
  const first = samples[0];
  if (first instanceof Tensor) return stack(sameKind(samples, path, isTensor, 'a tensor'), 0);
  if (isHostArray(first)) return stackHost(sameKind(samples, path, isHostArray, 'a host array'), path);
  if (isTypedArray(first)) {
    return stackHost(
      sameKind(samples, path, isTypedArray, 'a typed array').map((data) => hostArray(data)),
      path,
    );
  }
  if (typeof first === 'number') {
    const data = Float32Array.from(sameKind(samples, path, isNumber, 'a number'));
    return toTensor(hostArray(data));
  }
  if (typeof first === 'boolean') {
    const data = Uint8Array.from(sameKind(samples, path, isBoolean, 'a boolean'), Number);
    return toTensor(hostArray(data, [data.length], 'bool'));
  }
  if (typeof first === 'string') return sameKind(samples, path, isString, 'a string');
  if (Array.isArray(first)) {
    const lists = sameKind(samples, path, Array.isArray, 'an array');
    const odd = lists.findIndex((list) => list.length !== first.length);
    if (odd >= 0) {
      throw new ShapeError(
        `collate: ${path} 0 has ${first.length} members, ${path} ${odd} has ${lists[odd].length}`,
      );
    }
    return first.map((_, k) =>
      collateAt(
        lists.map((list) => list[k]),
        `${path}[${k}] of sample`,
      ),
    );
  }
  if (isRecord(first)) {
    const records = sameKind(samples, path, isRecord, 'an object');
    const keys = Object.keys(first);
    const odd = records.findIndex(
      (r) => Object.keys(r).length !== keys.length || !keys.every((key) => key in r),
    );
    if (odd >= 0) {
      throw new ShapeError(
        `collate: ${path} 0 has the keys ${keys}, ${path} ${odd} has ${Object.keys(records[odd])}`,
      );
    }
    return Object.fromEntries(
      keys.map((key) => [
        key,
        collateAt(
          records.map((r) => r[key]),
          `${path}.${key} of sample`,
        ),
      ]),
    );
  }
  throw new DTypeError(
    `collate: ${path} 0 is ${kindOf(first)}, which has no batch; pass your own collate function`,
  );
}

const isTensor = (value: unknown): value is Tensor => value instanceof Tensor;
const isNumber = (value: unknown): value is number => typeof value === 'number';
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isString = (value: unknown): value is string => typeof value === 'string';
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const kindOf = (value: unknown): string =>
  value === null || value === undefined
    ? `${value}`
    : `of type ${(value as object).constructor?.name ?? typeof value}`;

function sameKind<T>(
  samples: readonly unknown[],
  path: string,
  is: (v: unknown) => v is T,
  kind: string,
): T[] {
  const odd = samples.findIndex((sample) => !is(sample));
  if (odd >= 0)
    throw new DTypeError(`collate: ${path} 0 is ${kind}, ${path} ${odd} is ${kindOf(samples[odd])}`);
  return samples as T[];
}

function stackHost(arrays: readonly HostArray[], path: string): Tensor {
  const [first] = arrays;
  const size = first.data.length;
  const data = allocateLike(first.data, arrays.length * size);
  arrays.forEach((array, i) => {
    if (array.shape.join() !== first.shape.join()) {
      throw new ShapeError(
        `collate: shapes differ: ${path} 0 has [${first.shape.join(', ')}], ${path} ${i} has [${array.shape.join(', ')}]`,
      );
    }
    if (array.dtype !== first.dtype) {
      throw new DTypeError(
        `collate: dtypes differ: ${path} 0 is ${first.dtype}, ${path} ${i} is ${array.dtype}`,
      );
    }
    data.set(array.data, i * size);
  });
  return toTensor(hostArray(data, [arrays.length, ...first.shape], first.dtype));
}
