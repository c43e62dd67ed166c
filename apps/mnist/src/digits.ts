/** MNIST's images and labels as a dataset. */
import { hostArray, type LabelledImages, loadMnistIdx, type MnistFiles, TensorDataset } from '@neurite/data';
import { FormatError } from '@neurite/tensor';
import { IMAGE_SIZE } from './models.js';

/** The files of a part, as MNIST names them. */
export const filesOf = (part: 'train' | 't10k') => ({
  images: `${part}-images-idx3-ubyte`,
  labels: `${part}-labels-idx1-ubyte`,
});

/** Images as uint8 [n, 28, 28] and labels as int32 [n]. */
export type Digits = ReturnType<typeof firstDigits>;

/** Reads a part. Throws FormatError where the files are damaged, or hold images of another size. */
export async function readPart(files: MnistFiles): Promise<LabelledImages> {
  const digits = await loadMnistIdx(files);
  const [, height, width] = digits.images.shape;
  if (height !== IMAGE_SIZE || width !== IMAGE_SIZE) {
    const name = typeof files.images === 'string' ? files.images : 'images';
    throw new FormatError(
      `${name}: offset 8: images of ${height} × ${width} pixels, expected ${IMAGE_SIZE} × ${IMAGE_SIZE}`,
    );
  }
  return digits;
}

/** The first images of a part, or all where there are fewer. */
export function firstDigits({ images, labels }: LabelledImages, limit: number) {
  const count = Math.min(limit, labels.data.length);
  const pixels = images.data.subarray(0, count * IMAGE_SIZE * IMAGE_SIZE);
  return new TensorDataset(
    hostArray(pixels, [count, IMAGE_SIZE, IMAGE_SIZE]),
    hostArray(labels.data.subarray(0, count)),
  );
}
