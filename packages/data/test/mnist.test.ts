import { gzipSync } from 'node:zlib';
import { FormatError } from '@neurite/tensor';
import { describe, expect, test } from 'vitest';
import { loadMnistIdx } from '../src/index.js';
import { idxFile } from './helpers.js';

const images = idxFile(8, [3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
const labels = idxFile(8, [3], [7, 0, 9]);

describe('loadMnistIdx', () => {
  test('returns uint8 images and int32 labels, from plain and packed files', async () => {
    const set = await loadMnistIdx({ images: gzipSync(images), labels });
    expect(set.images).toMatchObject({ shape: [3, 2, 2], dtype: 'uint8' });
    expect(set.labels).toEqual({ data: Int32Array.of(7, 0, 9), shape: [3], dtype: 'int32' });
  });

  test.each<[string, Uint8Array, Uint8Array, RegExp]>([
    [
      'swapped files',
      labels,
      images,
      /^images: expected images, uint8 with 3 dimensions, found uint8 \[3\]; .* swapped$/,
    ],
    [
      'images given twice',
      images,
      images,
      /^labels: expected labels, uint8 with 1 dimension, found uint8 \[3, 2, 2\]$/,
    ],
    ['counts that differ', images, idxFile(8, [2], [1, 2]), /^images holds 3 images, labels holds 2 labels/],
    [
      'a label out of range',
      images,
      idxFile(8, [3], [1, 10, 2]),
      /^labels: offset 9: label 1 is 10, expected 0…9$/,
    ],
    [
      'labels of another type',
      images,
      idxFile(9, [3], [1, 1, 2]),
      /expected labels, uint8 with 1 dimension, found int8 \[3\]/,
    ],
  ])('%s: FormatError', async (_, imagesFile, labelsFile, message) => {
    const loading = loadMnistIdx({ images: imagesFile, labels: labelsFile });
    await expect(loading).rejects.toThrow(FormatError);
    await expect(loading).rejects.toThrow(message);
  });

  test('more classes can be allowed', async () => {
    const set = await loadMnistIdx({ images, labels: idxFile(8, [3], [1, 46, 2]) }, { classes: 47 });
    expect(set.labels.data[1]).toBe(46);
  });
});
