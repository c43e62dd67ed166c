import { type Tensor, tensor } from '@neurite/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { expectValues, gradientOf, useReference, values, variable } from './support.js';

const F = nn.functional;
beforeAll(useReference);

/** Elements that are all different and cancel little. */
const ramp = (shape: readonly number[], requiresGrad = false): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = Float64Array.from({ length: size }, (_, i) => Math.sin(i * 1.7) + 0.1 * i);
  return tensor(data, { shape, requiresGrad });
};

interface Geometry {
  readonly stride: number[];
  readonly padding: number[];
  readonly dilation: number[];
  readonly groups: number;
}

/** 2-d convolution by its definition. */
function naiveConv2d(
  x: number[],
  [n, c, h, w]: readonly number[],
  weight: number[],
  [o, cg, kh, kw]: readonly number[],
  bias: number[] | null,
  { stride, padding, dilation, groups }: Geometry,
): number[] {
  const oh = Math.floor((h + 2 * padding[0] - dilation[0] * (kh - 1) - 1) / stride[0]) + 1;
  const ow = Math.floor((w + 2 * padding[1] - dilation[1] * (kw - 1) - 1) / stride[1]) + 1;
  const out: number[] = [];
  for (let b = 0; b < n; b++)
    for (let oc = 0; oc < o; oc++)
      for (let i = 0; i < oh; i++)
        for (let j = 0; j < ow; j++) {
          let sum = bias ? bias[oc] : 0;
          const group = Math.floor(oc / (o / groups));
          for (let ic = 0; ic < cg; ic++)
            for (let p = 0; p < kh; p++)
              for (let q = 0; q < kw; q++) {
                const y = i * stride[0] + p * dilation[0] - padding[0];
                const z = j * stride[1] + q * dilation[1] - padding[1];
                if (y < 0 || y >= h || z < 0 || z >= w) continue;
                const channel = group * cg + ic;
                sum += x[((b * c + channel) * h + y) * w + z] * weight[((oc * cg + ic) * kh + p) * kw + q];
              }
          out.push(sum);
        }
  return out;
}

const GEOMETRIES: Geometry[] = [
  { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 },
  { stride: [2, 3], padding: [1, 2], dilation: [1, 1], groups: 2 },
  { stride: [1, 2], padding: [2, 1], dilation: [2, 1], groups: 2 },
];

describe('conv2d', () => {
  it.each(GEOMETRIES)('is the sum of its definition: %j', async (geometry) => {
    const x = ramp([2, 4, 6, 7]);
    const weight = ramp([6, 4 / geometry.groups, 3, 2]);
    const bias = ramp([6]);
    const expected = naiveConv2d(
      await values(x),
      x.shape,
      await values(weight),
      weight.shape,
      await values(bias),
      geometry,
    );
    await expectValues(F.conv2d(x, weight, bias, geometry), expected, 10);
    const { stride, padding, dilation, groups } = geometry;
    await expectValues(
      F.conv2d(x, weight, null, stride, padding, dilation, groups).add(bias.reshape([6, 1, 1])),
      expected,
      10,
    );
  });

  it('takes an input without a batch, and padding in words', async () => {
    const x = ramp([2, 5, 5]);
    const weight = ramp([3, 2, 4, 3]);
    const same = F.conv2d(x, weight, null, { padding: 'same' });
    expect(same.shape).toEqual([3, 5, 5]);
    // An even kernel: PyTorch puts the extra row of zeros at the bottom.
    const padded = F.conv2d(
      x.pad([
        [0, 0],
        [1, 2],
        [1, 1],
      ]),
      weight,
      null,
      { padding: 'valid' },
    );
    await expectValues(same, await values(padded), 12);
  });

  it('says what does not fit', () => {
    expect(() => F.conv2d(ramp([1, 3, 5, 5]), ramp([4, 2, 3, 3]))).toThrow(
      'conv2d: the input [1, 3, 5, 5] has 3 channels, the weight [4, 2, 3, 3] with 1 groups takes 2',
    );
    expect(() => F.conv2d(ramp([3, 5]), ramp([4, 3, 3, 3]))).toThrow(
      /conv2d: takes 4 dimensions .* got \[3, 5\]/,
    );
    expect(() =>
      F.conv2d(ramp([1, 3, 5, 5]), ramp([4, 3, 3, 3]), null, { padding: 'same', stride: 2 }),
    ).toThrow("conv2d: padding 'same' needs stride 1, got [2, 2]");
    expect(() => F.conv2d(ramp([1, 3, 5, 5]), ramp([4, 3, 3, 3]), ramp([3]))).toThrow(
      /bias must have shape \[4\], got \[3\]/,
    );
    expect(() => F.conv2d(ramp([1, 3, 5, 5]), ramp([4, 3, 3, 3]), null, { stride: [1, 1, 1] })).toThrow(
      /stride must be one integer or 2, each at least 1, got \[1, 1, 1\]/,
    );
  });

  it('has gradients for input, weight and bias', async () => {
    const x = ramp([2, 2, 4, 4], true);
    const layer = new nn.Conv2d(2, 3, 3, { padding: 1, dtype: 'float64' });
    const cotangent = ramp([2, 3, 4, 4]);
    const loss = (): Tensor => (layer(x) as Tensor).mul(cotangent).sum();
    loss().backward();
    for (const leaf of [x, layer.weight, layer.bias as Tensor]) {
      const analytic = (await values(leaf.grad))[1];
      const data = await leaf.data();
      const shifted = async (by: number): Promise<number> => {
        const moved = Float64Array.from(data);
        moved[1] += by;
        const replaced = tensor(moved, { shape: leaf.shape });
        const inputs = [x, layer.weight, layer.bias as Tensor].map((t) => (t === leaf ? replaced : t)) as [
          Tensor,
          Tensor,
          Tensor,
        ];
        return F.conv2d(...inputs, { padding: 1 })
          .mul(cotangent)
          .sum()
          .item();
      };
      expect(analytic).toBeCloseTo(((await shifted(1e-3)) - (await shifted(-1e-3))) / 2e-3, 6);
    }
  });
});

describe('conv1d and conv3d', () => {
  it('are conv2d with other numbers of dimensions', async () => {
    const x = ramp([2, 3, 8]);
    const weight = ramp([4, 3, 3]);
    const flat = F.conv2d(x.unsqueeze(2), weight.unsqueeze(2), null, {
      stride: [1, 2],
      padding: [0, 1],
    }).squeeze(2);
    await expectValues(F.conv1d(x, weight, null, { stride: 2, padding: 1 }), await values(flat), 12);
    const cube = ramp([1, 2, 1, 5, 5]);
    const kernel = ramp([3, 2, 1, 3, 3]);
    const plane = F.conv2d(cube.squeeze(2), kernel.squeeze(2), null, { padding: 1 });
    await expectValues(F.conv3d(cube, kernel, null, { padding: [0, 1, 1] }), await values(plane), 12);
  });
});

describe('convTranspose2d', () => {
  it.each([
    { stride: 1, padding: 0, outputPadding: 0, groups: 1, dilation: 1 },
    { stride: [2, 3], padding: [1, 0], outputPadding: [1, 2], groups: 2, dilation: 1 },
    { stride: 2, padding: 2, outputPadding: 1, groups: 1, dilation: 2 },
  ])('is the gradient of the convolution: %j', async (options) => {
    const { outputPadding, ...geometry } = options;
    const x = ramp([2, 4, 3, 3]);
    const weight = ramp([4, 6 / options.groups, 3, 3]);
    const y = F.convTranspose2d(x, weight, null, options);
    const target = ramp(y.shape, true);
    const gradient = gradientOf((t) => F.conv2d(t, weight, null, geometry).mul(x), target);
    await expectValues(y, await values(gradient), 10);
    expect(outputPadding).toBeDefined();
  });

  it('checks outputPadding', () => {
    expect(() =>
      F.convTranspose2d(ramp([1, 1, 2, 2]), ramp([1, 1, 3, 3]), null, { outputPadding: 1 }),
    ).toThrow(/outputPadding \[1, 1\] must be smaller than stride \[1, 1\] or dilation \[1, 1\]/);
  });
});

describe('convolution layers', () => {
  it('start like PyTorch’s: uniform within one over the root of the fan', async () => {
    const layer = new nn.Conv2d(8, 16, [3, 5], { groups: 2 });
    expect(layer.weight.shape).toEqual([16, 4, 3, 5]);
    const bound = 1 / Math.sqrt(4 * 15);
    for (const p of layer.parameters()) {
      const data = await values(p);
      expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(bound);
      expect(Math.max(...data.map(Math.abs))).toBeGreaterThan(bound / 2);
    }
    expect(new nn.ConvTranspose2d(4, 6, 3, { groups: 2 }).weight.shape).toEqual([4, 3, 3, 3]);
    expect(new nn.Conv1d(4, 6, 3, { bias: false }).bias).toBeNull();
  });

  it('print like PyTorch’s', () => {
    expect(String(new nn.Conv2d(1, 6, 5, { padding: 2 }))).toBe(
      'Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))',
    );
    expect(String(new nn.Conv1d(4, 6, 3, 2, 'valid', 2, 2, false))).toBe(
      'Conv1d(4, 6, kernel_size=(3,), stride=(2,), padding=valid, dilation=(2,), groups=2, bias=False)',
    );
    expect(String(new nn.ConvTranspose2d(3, 4, 3, { stride: 2, outputPadding: 1 }))).toBe(
      'ConvTranspose2d(3, 4, kernel_size=(3, 3), stride=(2, 2), output_padding=(1, 1))',
    );
  });

  it('check their sizes when they are made', () => {
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      'Conv2d: 3 input and 4 output channels must both be divisible by 2 groups',
    );
    expect(() => new nn.Conv2d(0, 4, 3)).toThrow(
      'Conv2d: inChannels must be an integer of at least 1, got 0',
    );
    expect(() => new nn.Conv2d(1, 4, 0)).toThrow(/kernelSize must be/);
    expect(() => new nn.Conv2d(1, 4, 3, { strides: 2 } as never)).toThrow(
      /Conv2d: unknown option 'strides', known are stride, padding/,
    );
  });

  it('call the function with their settings', async () => {
    const layer = new nn.Conv2d(2, 4, 3, 2, 1, 1, 2);
    const x = variable(await values(ramp([1, 2, 5, 5])), 'float32').reshape([1, 2, 5, 5]);
    await expectValues(layer(x), await values(F.conv2d(x, layer.weight, layer.bias, 2, 1, 1, 2)));
  });
});

describe('pad', () => {
  const x = (): Tensor =>
    tensor(
      [
        [1, 2, 3, 4],
        [5, 6, 7, 8],
      ],
      { dtype: 'float64', requiresGrad: true },
    );

  it('fills with a number, the mirror image, the edge or the other end', async () => {
    await expectValues(F.pad(x().select(0, 0), [1, 2]), [0, 1, 2, 3, 4, 0, 0]);
    await expectValues(F.pad(x().select(0, 0), [1, 2], 'constant', 9), [9, 1, 2, 3, 4, 9, 9]);
    await expectValues(F.pad(x().select(0, 0), [2, 3], 'reflect'), [3, 2, 1, 2, 3, 4, 3, 2, 1]);
    await expectValues(F.pad(x().select(0, 0), [2, 1], { mode: 'replicate' }), [1, 1, 1, 2, 3, 4, 4]);
    await expectValues(F.pad(x().select(0, 0), [2, 1], 'circular'), [3, 4, 1, 2, 3, 4, 1]);
  });

  it('takes the last dimension first, and crops by negative amounts', async () => {
    await expectValues(F.pad(x(), [-1, -2, 1, 0]), [0, 2, 6]);
    await expectValues(F.pad(x(), [-3, 1, 0, 1], 'replicate'), [4, 4, 8, 8, 8, 8]);
    await expectValues(
      gradientOf((t) => F.pad(t, [1, 1], 'reflect'), x()),
      [1, 2, 2, 1, 1, 2, 2, 1],
    );
  });

  it('refuses what cannot be', () => {
    expect(() => F.pad(x(), [4, 0], 'reflect')).toThrow(
      "pad: mode 'reflect' can add at most 3 to dimension 1 of [2, 4], not [4, 0]",
    );
    expect(() => F.pad(x(), [0, 5], 'circular')).toThrow(/can add at most 4 to dimension 1/);
    expect(() => F.pad(x(), [1])).toThrow(/pad: \[1\] must be two integers for each of at most 2 dimensions/);
    expect(() => F.pad(x(), [1, 1], 'mirror' as never)).toThrow(
      /pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', got 'mirror'/,
    );
  });

  it('as layers and as padding of a convolution', async () => {
    const plane = x().unsqueeze(0);
    await expectValues(new nn.ZeroPad2d([1, 0, 0, 0])(plane), [0, 1, 2, 3, 4, 0, 5, 6, 7, 8]);
    await expectValues(new nn.ConstantPad1d([0, 1], 7)(plane), [1, 2, 3, 4, 7, 5, 6, 7, 8, 7]);
    expect(new nn.ReflectionPad2d(1)(plane).shape).toEqual([1, 4, 6]);
    expect(String(new nn.ReplicationPad1d(2))).toBe('ReplicationPad1d((2, 2))');
    const layer = new nn.Conv2d(1, 1, 3, { padding: 'same', paddingMode: 'circular', dtype: 'float64' });
    const wrapped = F.conv2d(F.pad(plane, [1, 1, 1, 1], 'circular'), layer.weight, layer.bias);
    await expectValues(layer(plane), await values(wrapped), 12);
    expect(String(layer)).toContain('padding=same, padding_mode=circular)');
    expect(() => new nn.Conv2d(1, 1, 3, { paddingMode: 'mirror' as never })).toThrow(
      /paddingMode must be one of zeros, reflect/,
    );
  });
});
