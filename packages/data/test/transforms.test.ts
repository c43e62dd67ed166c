import { DTypeError, Generator, ShapeError, use, ValueError } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  ArrayDataset,
  affine,
  compose,
  DataLoader,
  type HostArray,
  hostArray,
  normalize,
  oneHot,
  onMember,
  type Random,
  randomAffine,
  randomCrop,
  randomHorizontalFlip,
  TensorDataset,
  TransformDataset,
  toFloat,
} from '../src/index.js';
import { derivedGenerator, randomFrom } from '../src/random.js';
import { collect, values } from './helpers.js';

beforeAll(async () => {
  await use(reference());
});

const draws = (seed = 1): Random => randomFrom(derivedGenerator(seed));
/** Draws that always give the same fraction of the range. */
const fixed = (u: number): Random => ({
  uniform: (low, high) => low + u * (high - low),
  integer: (n) => Math.floor(u * n),
});
const image = (rows: number[][]): HostArray =>
  hostArray(Float32Array.from(rows.flat()), [1, rows.length, rows[0].length]);
const pixels = ({ data, shape }: HostArray): number[][] =>
  Array.from({ length: shape[1] }, (_, y) => Array.from(data.subarray(y * shape[2], (y + 1) * shape[2])));

describe('pixel transforms', () => {
  test('toFloat scales bytes and passes floats', () => {
    expect(toFloat()(hostArray(Uint8Array.of(0, 51, 255)), draws())).toEqual(
      hostArray(Float32Array.of(0, 0.2, 1)),
    );
    const floats = hostArray(Float32Array.of(3));
    expect(toFloat()(floats, draws())).toBe(floats);
    expect(() => toFloat()(hostArray(Int32Array.of(3)), draws())).toThrow(DTypeError);
  });

  test('normalize works per channel', () => {
    const rgb = hostArray(Float32Array.of(1, 2, 10, 20), [2, 1, 2]);
    expect(normalize([1, 10], [0.5, 5])(rgb, draws()).data).toEqual(Float32Array.of(0, 2, 0, 2));
    expect(normalize([1], [2])(rgb, draws()).data).toEqual(Float32Array.of(0, 0.5, 4.5, 9.5));
    expect(() => normalize([1, 2, 3], [1])(rgb, draws())).toThrow(/3 numbers in mean for 2 channels/);
    expect(() => normalize([0], [0])).toThrow(/std is \[0\]/);
    expect(() => normalize([0], [1])(hostArray(new Uint8Array(2)), draws())).toThrow(
      /expected float32, got uint8/,
    );
  });

  test('oneHot takes numbers and arrays', () => {
    expect(oneHot(3)(2, draws())).toEqual(hostArray(Float32Array.of(0, 0, 1)));
    expect(oneHot(2)(hostArray(Int32Array.of(1, 0)), draws())).toEqual(
      hostArray(Float32Array.of(0, 1, 1, 0), [2, 2]),
    );
    for (const label of [3, -1, 0.5])
      expect(() => oneHot(3)(label, draws())).toThrow(`label ${label} is no integer in 0…2`);
    expect(() => oneHot(0)).toThrow(ValueError);
  });
});

describe('crop and flip', () => {
  const three = image([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);

  test('randomCrop finds every window and pads', () => {
    expect(pixels(randomCrop(2)(three, fixed(0)))).toEqual([
      [1, 2],
      [4, 5],
    ]);
    expect(pixels(randomCrop([1, 2])(three, fixed(0.99)))).toEqual([[8, 9]]);
    expect(pixels(randomCrop(3, { padding: 2, fill: -1 })(three, fixed(0)))).toEqual([
      [-1, -1, -1],
      [-1, -1, -1],
      [-1, -1, 1],
    ]);
    const random = draws();
    const corners = new Set(Array.from({ length: 200 }, () => randomCrop(2)(three, random).data[0]));
    expect([...corners].sort()).toEqual([1, 2, 4, 5]);
  });

  test('randomCrop keeps channels apart and dtype as it is', () => {
    const rgb = hostArray(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), [2, 2, 2]);
    expect(randomCrop(1)(rgb, fixed(0.99))).toEqual(hostArray(Uint8Array.of(4, 8), [2, 1, 1]));
    expect(() => randomCrop(4)(three, draws())).toThrow(/window 4×4 does not fit into 3×3 with padding 0/);
    expect(() => randomCrop(0)).toThrow(/height is 0/);
    expect(() => randomCrop(1)(hostArray(new Float32Array(4)), draws())).toThrow(ShapeError);
  });

  test('a padding beyond the window leaves only the fill', () => {
    expect(pixels(randomCrop(1, { padding: 5 })(three, fixed(0)))).toEqual([[0]]);
  });

  test('randomHorizontalFlip mirrors with its probability', () => {
    expect(pixels(randomHorizontalFlip(1)(three, draws()))[0]).toEqual([3, 2, 1]);
    expect(randomHorizontalFlip(0)(three, draws())).toBe(three);
    const random = draws();
    const flipped = Array.from({ length: 2000 }, () => randomHorizontalFlip(0.3)(three, random) !== three);
    expect(Math.abs(flipped.filter(Boolean).length - 600)).toBeLessThan(6 * Math.sqrt(2000 * 0.3 * 0.7));
    expect(three.data[0]).toBe(1);
    expect(() => randomHorizontalFlip(1.5)).toThrow(ValueError);
  });
});

describe('affine', () => {
  const three = image([
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
  const rounded = (array: HostArray): number[][] =>
    pixels(array).map((line) => line.map((v) => Math.round(v * 1e4) / 1e4));

  test('the identity changes nothing', () => {
    expect(affine(three, {})).toEqual(three);
  });

  test('a quarter turn is clockwise, and exact', () => {
    expect(rounded(affine(three, { angle: 90 }))).toEqual([
      [7, 4, 1],
      [8, 5, 2],
      [9, 6, 3],
    ]);
  });

  test('a shift moves to the right and down and fills', () => {
    expect(rounded(affine(three, { translate: [1, 0], fill: -1 }))).toEqual([
      [-1, 1, 2],
      [-1, 4, 5],
      [-1, 7, 8],
    ]);
    expect(rounded(affine(three, { translate: [0, 0.5] }))[1]).toEqual([2.5, 3.5, 4.5]);
  });

  test('scale and shear keep the centre', () => {
    expect(rounded(affine(three, { scale: 2 }))[1]).toEqual([4.5, 5, 5.5]);
    // A shear of 45° along x moves the row above the centre by one pixel to the right, the one below to the left.
    expect(rounded(affine(three, { shear: [45, 0] }))).toEqual([
      [0, 1, 2],
      [4, 5, 6],
      [8, 9, 0],
    ]);
  });

  test('randomAffine stays within its ranges', () => {
    const degenerate = randomAffine({ degrees: [90, 90] });
    expect(rounded(degenerate(three, draws()))[0]).toEqual([7, 4, 1]);
    expect(randomAffine({})(three, draws())).toEqual(three);
    const shifted = randomAffine({ degrees: 0, translate: [0.34, 0] })(three, fixed(0.999));
    expect(rounded(shifted)[0]).toEqual([0, 1, 2]);
    expect(() => randomAffine({ scale: [0, 1] })).toThrow(/scale is \[0, 1\]/);
    expect(() => randomAffine({ translate: [2, 0] })).toThrow(/translate is \[2, 0\]/);
    expect(() => randomAffine({ degrees: [3, -3] })).toThrow(/degrees is \[3, -3\]/);
    expect(() => randomAffine({ shear: [1, 2, 5, 4] })).toThrow(/shear is \[5, 4\]/);
  });
});

describe('TransformDataset', () => {
  const images = hostArray(
    Uint8Array.from({ length: 6 * 16 }, (_, i) => i),
    [6, 1, 4, 4],
  );
  const labels = hostArray(Int32Array.of(0, 1, 2, 0, 1, 2));
  const augmented = (seed: number) =>
    new TransformDataset(
      new TensorDataset(images, labels),
      onMember(0, compose(toFloat(), randomCrop(4, { padding: 2 }), randomHorizontalFlip())),
      { generator: new Generator(seed) },
    );

  test('draws are a function of seed, epoch and index, in any order of access', () => {
    const one = augmented(1);
    const two = augmented(1);
    const forwards = [0, 1, 2, 3].map((i) => one.get(i, 3));
    const backwards = [3, 2, 1, 0].map((i) => two.get(i, 3)).reverse();
    expect(forwards).toEqual(backwards);
    expect([0, 1, 2, 3].map((i) => one.get(i, 4))).not.toEqual(forwards);
    expect([0, 1, 2, 3].map((i) => augmented(2).get(i, 3))).not.toEqual(forwards);
  });

  test('batches through a loader, epoch by epoch', async () => {
    const epochs = async () => {
      const loader = new DataLoader(augmented(5), { batchSize: 3 });
      const passes = [];
      for (let epoch = 0; epoch < 2; epoch++) {
        passes.push(await Promise.all((await collect(loader)).map(([x]) => values(x))));
      }
      return passes;
    };
    const [first, second] = await epochs();
    expect(first).not.toEqual(second);
    expect(await epochs()).toEqual([first, second]);
    const [[x, y]] = await collect(new DataLoader(augmented(5), { batchSize: 3 }));
    expect([x.shape, x.dtype, y.dtype]).toEqual([[3, 1, 4, 4], 'float32', 'int32']);
  });

  test('waits for samples that come later', async () => {
    const later = { length: 1, get: async () => 4 };
    expect(await new TransformDataset(later, (x: number) => x + 1).get(0)).toBe(5);
    expect(new TransformDataset(new ArrayDataset([1]), (x: number) => -x).get(0)).toBe(-1);
  });
});
