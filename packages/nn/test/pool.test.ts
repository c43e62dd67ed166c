import { type Tensor, tensor } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, gradientOf, useReference, values, variable } from './support.js';

const F = nn.functional;
beforeAll(useReference);

const plane = (rows: number[][], requiresGrad = false): Tensor =>
  tensor([[rows]], { dtype: 'float64', requiresGrad });

const X = [
  [1, 5, 2, 0, 3],
  [4, 3, 8, 7, 1],
  [6, 2, 9, 4, 4],
  [0, 1, 1, 2, 5],
];

describe('maxPool2d', () => {
  it('takes the largest of each window', async () => {
    await expectValues(F.maxPool2d(plane(X), 2), [5, 8, 6, 9]);
    await expectValues(F.maxPool2d(plane(X), 2, { ceilMode: true }), [5, 8, 3, 6, 9, 5]);
    await expectValues(F.maxPool2d(plane(X), 3, 2, 1), [5, 8, 7, 6, 9, 7]);
    await expectValues(F.maxPool2d(plane(X), 2, { stride: 1, dilation: 2 }), [9, 5, 9, 8, 7, 8]);
    await expectValues(F.maxPool2d(plane(X), [1, 3], [2, 2]), [5, 3, 9, 9]);
  });

  it('never takes the padding, be all values ever so small', async () => {
    await expectValues(
      F.maxPool2d(
        plane([
          [-5, -6],
          [-7, -8],
        ]),
        2,
        2,
        1,
      ),
      [-5, -6, -7, -8],
    );
  });

  it('gives positions in the input plane', async () => {
    const [y, indices] = F.maxPool2d(plane(X), 2, { returnIndices: true });
    await expectValues(y, [5, 8, 6, 9]);
    await expectValues(indices, [1, 7, 10, 12]);
    expect(indices.dtype).toBe('int32');
    const [, padded] = F.maxPool2d(plane(X).squeeze(0), 3, { stride: 2, padding: 1, returnIndices: true });
    expect(padded.shape).toEqual([1, 2, 3]);
    await expectValues(padded, [1, 7, 8, 10, 12, 8]);
  });

  it('sends the gradient to the first of equal elements', async () => {
    const tie = plane(
      [
        [2, 2, 1, 3],
        [2, 2, 3, 3],
      ],
      true,
    );
    await expectValues(
      gradientOf((x) => F.maxPool2d(x, 2), tie),
      [1, 0, 0, 1, 0, 0, 0, 0],
    );
    const flat = plane(
      [
        [0, 0, 0],
        [0, 0, 0],
      ],
      true,
    );
    await expectValues(
      gradientOf((x) => F.maxPool2d(x, 2, 1), flat),
      [1, 1, 0, 0, 0, 0],
    );
  });

  it('adds the gradients of overlapping windows', async () => {
    const x = plane(X, true);
    const gradient = await values(gradientOf((t) => F.maxPool2d(t, 3, 1), x));
    const expected = Array(20).fill(0);
    // The windows' maxima: 9, 9, 9 and 9, 9, 9: all the same element.
    expected[12] = 6;
    expect(gradient).toEqual(expected);
  });

  it('lets NaN win, and its gradient go there', async () => {
    const x = plane(
      [
        [1, Number.NaN],
        [9, 2],
      ],
      true,
    );
    await expectValues(F.maxPool2d(x, 2), [Number.NaN]);
    await expectValues(
      gradientOf((t) => F.maxPool2d(t, 2), x),
      [0, 1, 0, 0],
    );
  });

  it('has second derivatives', async () => {
    const x = plane(X, true);
    const y = F.maxPool2d(x, 2).square().sum();
    y.backward(undefined, { createGraph: true });
    const first = x.grad as Tensor;
    x.grad = null;
    first.square().sum().backward();
    const expected = Array(20).fill(0);
    // y = m², so the first gradient is 2m, and that of (2m)² is 8m.
    for (const i of [1, 7, 10, 12]) expected[i] = 8 * X.flat()[i];
    await expectValues(x.grad, expected);
  });

  it('refuses padding and windows that do not fit', () => {
    expect(() => F.maxPool2d(plane(X), 2, { padding: 2 })).toThrow(
      'maxPool2d: padding 2 is more than half the kernel size 2',
    );
    expect(() => F.maxPool2d(plane(X), 6)).toThrow(
      'maxPool2d: a window of 6 does not fit into size 4 with padding 0 on both sides',
    );
    expect(() => F.maxPool2d(plane(X).squeeze(0).squeeze(0), 2)).toThrow(/maxPool2d: takes 4 dimensions/);
  });

  it('exists for 1 and 3 dimensions', async () => {
    const line = tensor([[[3, 1, 4, 1, 5, 9, 2, 6]]]);
    await expectValues(F.maxPool1d(line, 3, 2), [4, 5, 9]);
    const cube = tensor(
      Float32Array.from({ length: 64 }, (_, i) => (i * 37) % 64),
      { shape: [1, 1, 4, 4, 4] },
    );
    const folded = F.maxPool2d(cube.reshape([1, 4, 4, 4]), 2);
    const [a, b] = [folded.narrow(1, 0, 2).amax(1), folded.narrow(1, 2, 2).amax(1)];
    await expectValues(F.maxPool3d(cube, 2), [...(await values(a)), ...(await values(b))]);
  });
});

describe('avgPool2d', () => {
  it('averages each window', async () => {
    await expectValues(F.avgPool2d(plane(X), 2), [13 / 4, 17 / 4, 9 / 4, 16 / 4]);
    await expectValues(F.avgPool2d(plane(X), [1, 5]), [11 / 5, 23 / 5, 5, 9 / 5]);
    await expectValues(F.avgPool2d(plane(X), 2, 1).select(2, 0), [13 / 4, 18 / 4, 17 / 4, 11 / 4]);
  });

  it('counts padding as PyTorch does', async () => {
    const small = plane([
      [4, 8],
      [12, 16],
    ]);
    await expectValues(F.avgPool2d(small, 2, 2, 1), [1, 2, 3, 4]);
    await expectValues(
      F.avgPool2d(small, 2, { stride: 2, padding: 1, countIncludePad: false }),
      [4, 8, 12, 16],
    );
    await expectValues(F.avgPool2d(small, 2, { padding: 1, divisorOverride: 2 }), [2, 4, 6, 8]);
  });

  it('counts what ceilMode adds at the end not at all', async () => {
    await expectValues(F.avgPool2d(plane([[1, 2, 3]]), [1, 2], { ceilMode: true }), [1.5, 3]);
  });

  it('spreads the gradient evenly', async () => {
    await expectValues(
      gradientOf(
        (x) => F.avgPool2d(x, 2),
        plane(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          true,
        ),
      ),
      [0.25, 0.25, 0, 0.25, 0.25, 0],
    );
    await expectValues(
      gradientOf((x) => F.avgPool2d(x, [1, 2], 1), plane([[1, 2, 3]], true)),
      [0.5, 1, 0.5],
    );
  });

  it('truncates integers', async () => {
    const y = F.avgPool1d(tensor([[[1, 2, 4, 8]]], { dtype: 'int32' }), 2);
    expect(y.dtype).toBe('int32');
    await expectValues(y, [1, 6]);
  });
});

describe('adaptiveAvgPool2d', () => {
  it('averages regions that may overlap', async () => {
    await expectValues(F.adaptiveAvgPool2d(plane(X), 1), [68 / 20]);
    await expectValues(F.adaptiveAvgPool2d(plane(X), [2, null]).select(2, 0), [2.5, 4, 5, 3.5, 2]);
    // Of 5 columns, 3 regions: 0-1, 1-3, 3-4.
    await expectValues(F.adaptiveAvgPool2d(plane([X[0]]), [1, 3]), [3, 7 / 3, 1.5]);
  });
});

describe('pooling layers', () => {
  it('call the functions and print like PyTorch’s', async () => {
    const x = variable([[X]]);
    await expectValues(new nn.MaxPool2d(2)(x), [5, 8, 6, 9]);
    await expectValues(new nn.MaxPool2d(3, 2, 1)(x), [5, 8, 7, 6, 9, 7]);
    await expectValues(new nn.AvgPool2d(2, { ceilMode: true })(x), [13 / 4, 17 / 4, 2, 9 / 4, 4, 4.5]);
    await expectValues(new nn.AdaptiveAvgPool2d(1)(x), [3.4]);
    expect(String(new nn.MaxPool2d(2))).toBe(
      'MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)',
    );
    expect(String(new nn.AvgPool2d([2, 3]))).toBe('AvgPool2d(kernel_size=(2, 3), stride=(2, 3), padding=0)');
    expect(String(new nn.AdaptiveAvgPool2d([null, 3]))).toBe('AdaptiveAvgPool2d(output_size=(None, 3))');
  });
});
