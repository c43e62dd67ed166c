/** MNIST's files from the page's server. */
import type { LabelledImages } from '@neurite/data';
import { NeuriteError } from '@neurite/tensor';
import { filesOf, readPart } from '../digits.js';
import { IMAGE_SIZE } from '../models.js';

/** Where the server has them. */
const DIGITS_PATH = '/mnist';

const parts = new Map<string, Promise<LabelledImages>>();

/** A part, fetched once. */
export function fetchPart(part: 'train' | 't10k'): Promise<LabelledImages> {
  const known = parts.get(part);
  if (known) return known;
  const { images, labels } = filesOf(part);
  const fetched = Promise.all([fetchBytes(images), fetchBytes(labels)]).then(([images, labels]) =>
    readPart({ images, labels }),
  );
  parts.set(part, fetched);
  // The next one who asks tries again.
  fetched.catch(() => parts.delete(part));
  return fetched;
}

async function fetchBytes(file: string): Promise<Uint8Array> {
  const path = `${DIGITS_PATH}/${file}`;
  const response = await fetch(path).catch((cause: unknown) => {
    throw new NeuriteError(
      `${path}: the page's server does not answer; is npm run demo -- --browser still running?`,
      { cause },
    );
  });
  if (!response.ok) throw new NeuriteError(`${path}: the server answers with status ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** One of the test images: uint8 [28, 28], and the digit that it is. */
export async function randomDigit(): Promise<{ image: Uint8Array; label: number }> {
  const { images, labels } = await fetchPart('t10k');
  const at = Math.floor(Math.random() * labels.data.length);
  const size = IMAGE_SIZE * IMAGE_SIZE;
  return { image: Uint8Array.from(images.data.subarray(at * size, (at + 1) * size)), label: labels.data[at] };
}
