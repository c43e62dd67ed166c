/** MNIST's own images are the measure: each of them was normalised by its authors, so normalising it again must give it back. */
import { beforeAll, describe, expect, it } from 'vitest';
import { loadDigits } from '../src/data.js';
import { IMAGE_SIZE } from '../src/models.js';
import { type Ink, normalizeDigit } from '../src/page/normalize.js';

const COUNT = 500;
const SIZE = IMAGE_SIZE * IMAGE_SIZE;
let images: Uint8Array[];

beforeAll(async () => {
  const { test } = await loadDigits(1, COUNT);
  const pixels = test.sources[0].data as Uint8Array;
  images = Array.from({ length: COUNT }, (_, i) => pixels.subarray(i * SIZE, (i + 1) * SIZE));
});

/** The image as somebody may have drawn it: each pixel `scale` pixels wide, at a place of a pad of 560 × 560. */
function drawn(image: Uint8Array, scale: number, left: number, top: number): Ink {
  const size = 560;
  const data = new Uint8Array(size * size);
  image.forEach((value, i) => {
    if (value === 0) return;
    const [row, column] = [Math.floor(i / IMAGE_SIZE), i % IMAGE_SIZE];
    for (let y = 0; y < scale; y++) {
      for (let x = 0; x < scale; x++) {
        data[(top + row * scale + y) * size + left + column * scale + x] = value;
      }
    }
  });
  return { data, width: size, height: size };
}

describe('normalizing a drawing', () => {
  it('gives back the images of MNIST, wherever and however large they are drawn', () => {
    const places = [
      [20, 0, 0],
      [7, 300, 120],
      [13, 40, 190],
    ] as const;
    images.forEach((image, i) => {
      const [scale, left, top] = places[i % places.length];
      expect(normalizeDigit(drawn(image, scale, left, top)), `test image ${i}`).toEqual(image);
    });
  });

  it('keeps proportions', () => {
    // A bar of 200 × 40 pixels: the box is 20 wide, so 4 high, and all of it is ink.
    const data = new Uint8Array(400 * 300);
    for (let y = 100; y < 140; y++) data.fill(255, y * 400 + 10, y * 400 + 210);
    const image = normalizeDigit({ data, width: 400, height: 300 }) as Uint8Array;
    const expected = new Uint8Array(SIZE);
    for (let y = 12; y < 16; y++) expected.fill(255, y * IMAGE_SIZE + 4, y * IMAGE_SIZE + 24);
    expect(image).toEqual(expected);
  });

  it('takes a dot for a full box', () => {
    const data = new Uint8Array(100);
    data[34] = 1;
    const image = normalizeDigit({ data, width: 10, height: 10 }) as Uint8Array;
    expect(image.filter((value) => value === 1)).toHaveLength(400);
  });

  it('keeps all of a digit whose mass is at one end', () => {
    const data = new Uint8Array(200 * 200);
    for (let y = 0; y < 200; y++) data.fill(255, y * 200, y * 200 + (y < 20 ? 200 : 20));
    const image = normalizeDigit({ data, width: 200, height: 200 }) as Uint8Array;
    const rows = Array.from({ length: IMAGE_SIZE }, (_, y) =>
      image.subarray(y * IMAGE_SIZE, (y + 1) * IMAGE_SIZE).some((value) => value > 0),
    );
    expect(rows.lastIndexOf(true)).toBe(IMAGE_SIZE - 1);
    expect(rows.indexOf(true)).toBe(IMAGE_SIZE - 20);
  });

  it('makes nothing of an empty pad', () => {
    expect(normalizeDigit({ data: new Uint8Array(6), width: 3, height: 2 })).toBeUndefined();
  });
});
