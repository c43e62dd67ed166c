import { ShapeError, ValueError } from '@neurite/tensor';
import { allocateLike, type HostArray } from '../host-array.js';
import type { Transform } from '../transform-dataset.js';

/** Channels, height and width of an image [C, H, W]. */
export function imageSize(who: string, image: HostArray): readonly [number, number, number] {
  if (image.shape.length !== 3) {
    throw new ShapeError(
      `${who}: expected an image [channels, height, width], got [${image.shape.join(', ')}]`,
    );
  }
  return image.shape as unknown as readonly [number, number, number];
}

/**
 * Cuts a window at a random place (torchvision's `RandomCrop`).
 *
 * @param size height and width of the window; one number for a square.
 * @param options `padding` pixels of value `fill` (default 0) are put around the image first.
 * @throws ShapeError when the padded image is smaller than the window.
 */
export function randomCrop(
  size: number | readonly [number, number],
  options: { readonly padding?: number; readonly fill?: number } = {},
): Transform<HostArray> {
  const [height, width] = typeof size === 'number' ? [size, size] : size;
  const { padding = 0, fill = 0 } = options;
  for (const [name, value, least] of [
    ['height', height, 1],
    ['width', width, 1],
    ['padding', padding, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least) {
      throw new ValueError(`randomCrop: ${name} is ${value}, expected an integer ≥ ${least}`);
    }
  }
  return (image, random) => {
    const [channels, imageHeight, imageWidth] = imageSize('randomCrop', image);
    const freeRows = imageHeight + 2 * padding - height;
    const freeColumns = imageWidth + 2 * padding - width;
    if (freeRows < 0 || freeColumns < 0) {
      throw new ShapeError(
        `randomCrop: window ${height}×${width} does not fit into ${imageHeight}×${imageWidth} with padding ${padding}`,
      );
    }
    const top = random.integer(freeRows + 1) - padding;
    const left = random.integer(freeColumns + 1) - padding;
    const data = allocateLike(image.data, channels * height * width).fill(fill);
    const from = Math.max(left, 0);
    const to = Math.min(left + width, imageWidth);
    for (let c = 0; c < channels; c++) {
      for (let y = Math.max(top, 0); y < Math.min(top + height, imageHeight); y++) {
        const source = (c * imageHeight + y) * imageWidth;
        if (from < to) {
          data.set(
            image.data.subarray(source + from, source + to),
            (c * height + y - top) * width + from - left,
          );
        }
      }
    }
    return { data, shape: [channels, height, width], dtype: image.dtype };
  };
}

/** Mirrors left and right with probability `p` (torchvision's `RandomHorizontalFlip`). */
export function randomHorizontalFlip(p = 0.5): Transform<HostArray> {
  if (!(p >= 0 && p <= 1)) throw new ValueError(`randomHorizontalFlip: p is ${p}, expected 0 ≤ p ≤ 1`);
  return (image, random) => {
    const [channels, height, width] = imageSize('randomHorizontalFlip', image);
    if (random.uniform(0, 1) >= p) return image;
    const data = image.data.slice();
    for (let line = 0; line < channels * height; line++)
      data.subarray(line * width, (line + 1) * width).reverse();
    return { data, shape: image.shape, dtype: image.dtype };
  };
}
