/** Similarities, margin and density losses, rare poolings and rearrangements: values by hand, and wrong use. */
import '@neurite/autograd';
import { manualSeed, randn, type Tensor, tensor, use } from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import * as nn from '../src/index.js';

const F = nn.functional;

beforeAll(async () => {
  await use(reference(), { log: false });
});

const close = async (x: Tensor, ...wanted: number[]) => {
  const got = [...(await x.data())];
  expect(got).toHaveLength(wanted.length);
  got.forEach((v, i) => {
    expect(v).toBeCloseTo(wanted[i], 5);
  });
};
const rows = (...values: number[][]): Tensor => tensor(values);

describe('similarity', () => {
  test('normalize divides by the norm, but not by nothing', async () => {
    await close(F.normalize(rows([3, 4], [0, 0])), 0.6, 0.8, 0, 0);
    await close(F.normalize(rows([1, 3]), 1), 0.25, 0.75);
    expect(() => F.normalize(rows([1]), { q: 1 } as never)).toThrow(/unknown option 'q'/);
  });

  test('cosineSimilarity and pairwiseDistance, as functions and as modules', async () => {
    const [a, b] = [rows([1, 0], [1, 1]), rows([0, 2], [3, 3])];
    await close(F.cosineSimilarity(a, b), 0, 1);
    await close(new nn.CosineSimilarity().forward(a, b), 0, 1);
    await close(F.pairwiseDistance(rows([3, 4]), rows([0, 0]), { eps: 0 }), 5);
    await close(new nn.PairwiseDistance(1, 0, true).forward(rows([3, 4]), rows([0, 0])), 7);
  });

  test('pdist lists pairs row by row', async () => {
    await close(F.pdist(rows([0], [1], [3])), 1, 3, 2);
    expect(F.pdist(rows([0])).shape).toEqual([0]);
    expect(() => F.pdist(tensor([1]) as Tensor)).toThrow('pdist: takes 2 dimensions [N, M], got [1]');
  });
});

describe('losses', () => {
  test('nothing is lost beyond the margin', async () => {
    const none = { reduction: 'none', margin: 1 } as const;
    const t = (...v: number[]): Tensor => tensor(v);
    await close(F.marginRankingLoss(t(3, 1), t(1, 1), t(1, 1), none), 0, 1);
    await close(F.hingeEmbeddingLoss(t(2, 0.25, 3), t(1, -1, -1), none), 2, 0.75, 0);
    await close(F.softMarginLoss(t(0), t(1)), Math.LN2);
    await close(F.tripletMarginLoss(rows([0, 0]), rows([1, 0]), rows([0, 5]), { eps: 0 }), 0);
    await close(F.tripletMarginLoss(rows([0, 0]), rows([0, 4]), rows([5, 0]), { eps: 0, margin: 2 }), 1);
    await close(new nn.CosineEmbeddingLoss().forward(rows([1, 0]), rows([0, 1]), t(1)), 1);
    expect(() => F.marginRankingLoss(t(1, 2), t(1), t(1))).toThrow(/must have the same shape/);
  });

  test('densities', async () => {
    const t = (...v: number[]): Tensor => tensor(v);
    await close(F.poissonNllLoss(t(0), t(3)), 1);
    await close(new nn.PoissonNLLLoss({ logInput: false }).forward(t(1), t(3)), 1);
    await close(F.gaussianNllLoss(t(1), t(3), t(4)), 0.5 * (Math.log(4) + 1));
    const variance = tensor([0], { requiresGrad: true }) as Tensor;
    F.gaussianNllLoss(t(1), t(1), variance, { eps: 0.5 }).backward();
    // The limit does not stop the gradient: ½ / 0.5.
    await close(variance.grad as Tensor, 1);
    expect(() => F.gaussianNllLoss(t(1, 2), t(1, 2), t(1, 2, 3))).toThrow(
      /the variance \[3\] must have the shape/,
    );
  });
});

describe('images', () => {
  test('adaptiveMaxPool2d takes the first of equal elements', async () => {
    const x = tensor([
      [
        [1, 7, 7],
        [7, 0, 2],
      ],
    ]) as Tensor;
    const [values, indices] = F.adaptiveMaxPool2d(x, [1, 2], true) as [Tensor, Tensor];
    await close(values, 7, 7);
    await close(indices, 1, 1);
    await close(new nn.AdaptiveMaxPool2d([null, 1]).forward(x), 7, 7);
    expect(new nn.AdaptiveMaxPool2d([0, 1]).forward(x).shape).toEqual([1, 0, 1]);
    expect(() => F.adaptiveMaxPool2d(rows([1]), 1)).toThrow(/takes 4 dimensions/);
    expect(() => F.adaptiveMaxPool2d(x, [1, 2, 3])).toThrow(/one size or 2, got \[1, 2, 3\]/);
  });

  test('unfold lays windows out as columns', async () => {
    const x = tensor([
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
    ]) as Tensor;
    expect(await F.unfold(x, [1, 2]).array()).toEqual([
      [1, 2, 4, 5],
      [2, 3, 5, 6],
    ]);
    expect(F.unfold(x.unsqueeze(0), 2, { padding: 1, stride: 2 }).shape).toEqual([1, 4, 4]);
    expect(() => F.unfold(x, 3)).toThrow(/no window of 3 × 3 fits into \[1, 2, 3\]/);
  });

  test('localResponseNorm looks at the channels around', async () => {
    const x = tensor([[[1], [2], [3]]]) as Tensor;
    const y = F.localResponseNorm(x, 3, { alpha: 3, beta: 1, k: 0 });
    await close(y, 1 / 5, 2 / 14, 3 / 13);
    await close(new nn.LocalResponseNorm(3, 3, 1, 0).forward(x), 1 / 5, 2 / 14, 3 / 13);
    expect(() => F.localResponseNorm(x, 0)).toThrow(/size must be an integer of at least 1, got 0/);
    expect(() => F.localResponseNorm(rows([1]), 1)).toThrow(/at least 3 dimensions/);
  });

  test('pixelUnshuffle undoes pixelShuffle', async () => {
    manualSeed(1);
    const x = randn([2, 8, 3, 2]) as Tensor;
    const shuffled = new nn.PixelShuffle(2).forward(x);
    expect(shuffled.shape).toEqual([2, 2, 6, 4]);
    expect(await new nn.PixelUnshuffle(2).forward(shuffled).array()).toEqual(await x.array());
    expect(() => F.pixelShuffle(x, 3)).toThrow(/8 channels of \[2, 8, 3, 2\] are no multiple of 3²/);
    expect(() => F.pixelUnshuffle(x, 2)).toThrow(/3 × 2 of \[2, 8, 3, 2\] are no multiples of 2/);
    expect(() => F.pixelShuffle(x, 0)).toThrow(/at least 1, got 0/);
  });
});

test('bilinear', async () => {
  const weight = tensor([
    [
      [1, 2],
      [3, 4],
    ],
  ]) as Tensor;
  await close(F.bilinear(rows([1, 2]), rows([3, 4]), weight, tensor([0.5]) as Tensor), 61.5);
  expect(() => F.bilinear(rows([1]), rows([3, 4]), weight)).toThrow(/do not fit the weight \[1, 2, 2\]/);
});
