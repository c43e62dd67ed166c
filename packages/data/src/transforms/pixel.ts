import { DTypeError, ShapeError, ValueError } from '@neurite/tensor';
import { elementCount, type HostArray, isHostArray } from '../host-array.js';
import type { Transform } from '../transform-dataset.js';

/** uint8 in 0…255 becomes float32 in 0…1 (as torchvision's `ToTensor`); float32 passes. */
export function toFloat(): Transform<HostArray> {
  return (array) => {
    if (array.dtype === 'float32') return array;
    if (array.dtype !== 'uint8')
      throw new DTypeError(`toFloat: expected uint8 or float32, got ${array.dtype}`);
    return {
      data: Float32Array.from(array.data, (byte) => byte / 255),
      shape: array.shape,
      dtype: 'float32',
    };
  };
}

/**
 * (x − mean) / std for each channel of a float32 array [channels, …] (torchvision's `Normalize`).
 *
 * @param mean one number per channel, or one for all.
 * @param std likewise; not 0.
 */
export function normalize(mean: readonly number[], std: readonly number[]): Transform<HostArray> {
  if (std.some((s) => !(s > 0)))
    throw new ValueError(`normalize: std is [${std.join(', ')}], expected numbers > 0`);
  return (array) => {
    checkFloat('normalize', array);
    const channels = array.shape[0] ?? 1;
    for (const [name, list] of [
      ['mean', mean],
      ['std', std],
    ] as const) {
      if (list.length !== channels && list.length !== 1) {
        throw new ShapeError(`normalize: ${list.length} numbers in ${name} for ${channels} channels`);
      }
    }
    const plane = array.data.length / channels;
    const data = new Float32Array(array.data.length);
    for (let c = 0; c < channels; c++) {
      const shift = mean[mean.length === 1 ? 0 : c];
      const scale = std[std.length === 1 ? 0 : c];
      for (let i = c * plane; i < (c + 1) * plane; i++) data[i] = (array.data[i] - shift) / scale;
    }
    return { data, shape: array.shape, dtype: 'float32' };
  };
}

/**
 * A class index (or an array of them, shape [...]) becomes float32 [..., classes] with a 1 at the index (PyTorch's
 * `one_hot`, in float).
 *
 * @throws ValueError for what is no integer in 0…classes − 1.
 */
export function oneHot(classes: number): Transform<HostArray | number, HostArray> {
  if (!Number.isInteger(classes) || classes < 1) {
    throw new ValueError(`oneHot: classes is ${classes}, expected an integer ≥ 1`);
  }
  return (labels) => {
    const values = isHostArray(labels) ? labels.data : [labels];
    const shape = isHostArray(labels) ? labels.shape : [];
    const data = new Float32Array(elementCount(shape) * classes);
    for (let i = 0; i < values.length; i++) {
      const label = values[i];
      if (!Number.isInteger(label) || label < 0 || label >= classes) {
        throw new ValueError(`oneHot: label ${label} is no integer in 0…${classes - 1}`);
      }
      data[i * classes + label] = 1;
    }
    return { data, shape: [...shape, classes], dtype: 'float32' };
  };
}

/** Throws DTypeError unless the array is float32. */
export function checkFloat(who: string, array: HostArray): void {
  if (array.dtype !== 'float32')
    throw new DTypeError(`${who}: expected float32, got ${array.dtype}; use toFloat() first`);
}
