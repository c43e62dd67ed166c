import { FormatError } from '@neurite/tensor';
import { type HostArray, hostArray } from '../host-array.js';
import { readIdx } from './idx.js';
import type { ByteSource } from './source.js';

/** A pair of IDX files: images uint8 [n, height, width], labels uint8 [n]. */
export interface MnistFiles {
  readonly images: ByteSource;
  readonly labels: ByteSource;
}

/** Images as uint8 [n, height, width], labels as int32 [n], the index type. */
export interface LabelledImages {
  readonly images: HostArray;
  readonly labels: HostArray;
}

/**
 * Reads a pair of files in MNIST's layout (also Fashion-MNIST, Kuzushiji-MNIST, EMNIST with `classes`) and checks that
 * they belong together.
 *
 * @throws FormatError when a file is damaged, is the other kind of file, holds a label outside 0…classes − 1, or when the
 *   counts differ.
 */
export async function loadMnistIdx(
  files: MnistFiles,
  options: { readonly classes?: number } = {},
): Promise<LabelledImages> {
  const classes = options.classes ?? 10;
  const [images, labels] = await Promise.all([
    readIdx(files.images, { name: 'images' }),
    readIdx(files.labels, { name: 'labels' }),
  ]);
  const imagesName = nameOf(files.images, 'images');
  const labelsName = nameOf(files.labels, 'labels');
  checkKind(imagesName, 'images', 3, images, labels);
  checkKind(labelsName, 'labels', 1, labels, images);
  if (images.shape[0] !== labels.shape[0]) {
    throw new FormatError(
      `${imagesName} holds ${images.shape[0]} images, ${labelsName} holds ${labels.shape[0]} labels: they do not belong together`,
    );
  }
  const bad = labels.data.findIndex((label) => label >= classes);
  if (bad >= 0) {
    throw new FormatError(
      `${labelsName}: offset ${8 + bad}: label ${bad} is ${labels.data[bad]}, expected 0…${classes - 1}`,
    );
  }
  return { images, labels: hostArray(Int32Array.from(labels.data), labels.shape) };
}

const nameOf = (source: ByteSource, otherwise: string): string =>
  typeof source === 'string' ? source : otherwise;

function checkKind(name: string, role: string, rank: number, found: HostArray, other: HostArray): void {
  if (found.shape.length === rank && found.dtype === 'uint8') return;
  const swapped = other.shape.length === rank ? '; the images and labels files seem to be swapped' : '';
  throw new FormatError(
    `${name}: expected ${role}, uint8 with ${rank} dimension${rank === 1 ? '' : 's'}, found ${found.dtype} [${found.shape.join(', ')}]${swapped}`,
  );
}
