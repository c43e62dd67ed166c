/**
 * A drawing as MNIST has its digits (http://yann.lecun.com/exdb/mnist): scaled to a box of 20 × 20 pixels with its proportions
 * kept, grey levels from the antialiasing, and placed so that its centre of mass is the centre of the 28 × 28 image.
 */
import { IMAGE_SIZE } from '../models.js';

const BOX = 20;

/** Ink by pixel, row by row: 0 is paper, 255 is full ink. */
export interface Ink {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** uint8 [28, 28], or undefined where there is no ink. */
export function normalizeDigit(ink: Ink): Uint8Array | undefined {
  const box = boundsOf(ink);
  if (!box) return undefined;
  const scale = BOX / Math.max(box.width, box.height);
  const width = Math.max(1, Math.round(box.width * scale));
  const height = Math.max(1, Math.round(box.height * scale));
  const small = resample(ink, box, width, height);
  const [x, y] = centreOfMass(small, width);
  // Rounded, halves down, which puts even boxes in the middle. Where much of the mass is at one end, the other end must still be in
  // the picture.
  const place = (centre: number, size: number): number =>
    Math.max(0, Math.min(IMAGE_SIZE - size, Math.ceil(IMAGE_SIZE / 2 - centre - 0.5)));
  const [left, top] = [place(x, width), place(y, height)];
  const image = new Uint8Array(IMAGE_SIZE * IMAGE_SIZE);
  small.forEach((value, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    image[(top + row) * IMAGE_SIZE + left + column] = Math.round(value);
  });
  return image;
}

function boundsOf({ data, width, height }: Ink): Box | undefined {
  let [left, right, top, bottom] = [width, -1, height, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  return right < 0 ? undefined : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** Means over the areas that the new pixels cover. */
function resample({ data, width: stride }: Ink, box: Box, width: number, height: number): Float32Array {
  const columns = spans(box.left, box.width, width);
  const rows = spans(box.top, box.height, height);
  const result = new Float32Array(width * height);
  rows.forEach((row, y) => {
    columns.forEach((column, x) => {
      let [sum, area] = [0, 0];
      for (const [sourceY, shareY] of row) {
        for (const [sourceX, shareX] of column) {
          sum += data[sourceY * stride + sourceX] * shareX * shareY;
          area += shareX * shareY;
        }
      }
      result[y * width + x] = sum / area;
    });
  });
  return result;
}

/** For each of `count` equal parts of a length: the source pixels below it, each with the share that it covers. */
function spans(start: number, length: number, count: number): (readonly [pixel: number, share: number])[][] {
  return Array.from({ length: count }, (_, i) => {
    const [from, to] = [(i * length) / count, ((i + 1) * length) / count];
    const pixels: (readonly [number, number])[] = [];
    for (let pixel = Math.floor(from); pixel < Math.min(length, Math.ceil(to)); pixel++) {
      pixels.push([start + pixel, Math.min(pixel + 1, to) - Math.max(pixel, from)]);
    }
    return pixels;
  });
}

/** In pixels, where the centre of the first one is 0, as MNIST's authors counted: with halves their images come out one pixel off. */
function centreOfMass(values: Float32Array, width: number): [x: number, y: number] {
  let [mass, x, y] = [0, 0, 0];
  values.forEach((value, i) => {
    mass += value;
    x += value * (i % width);
    y += value * Math.floor(i / width);
  });
  return [x / mass, y / mass];
}
