/** Dtypes under autocast: the lists of https://pytorch.org/docs/stable/amp.html#autocast-op-reference, op by op. */
import '@neurite/autograd';
import { checkpoint } from '@neurite/autograd';
import {
  addbmm,
  addcdiv,
  addcmul,
  addmm,
  addmv,
  addr,
  autocast,
  baddbmm,
  cat,
  cdist,
  compile,
  cross,
  type DType,
  DTypeError,
  dist,
  dot,
  isAutocastEnabled,
  noGrad,
  ones,
  pow,
  rand,
  stack,
  type Tensor,
  tensor,
  tensordot,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { beforeAll, describe, expect, test } from 'vitest';
import * as nn from '../src/index.js';

const F = nn.functional;

beforeAll(async () => {
  await use(reference(), { log: false });
});

const make = (shape: number[], dtype: DType = 'float32'): Tensor => rand(shape).add(0.5).to(dtype);
/** Positive operands of a shape, in the dtype of the case. */
type Make = (...shape: number[]) => Tensor;
type Case = readonly [name: string, op: (x: Make) => Tensor];

const TO_FLOAT16: readonly Case[] = [
  ['matmul', (x) => x(2, 3, 4).matmul(x(4, 2))],
  ['mm', (x) => x(3, 4).mm(x(4, 2))],
  ['bmm', (x) => x(2, 3, 4).bmm(x(2, 4, 2))],
  ['mv', (x) => x(3, 4).mv(x(4))],
  ['addmm', (x) => addmm(x(3, 2), x(3, 4), x(4, 2))],
  ['addmv', (x) => addmv(x(3), x(3, 4), x(4))],
  ['addr', (x) => addr(x(3, 4), x(3), x(4))],
  ['baddbmm', (x) => baddbmm(x(2, 3, 2), x(2, 3, 4), x(2, 4, 2))],
  ['addbmm', (x) => addbmm(x(3, 2), x(2, 3, 4), x(2, 4, 2))],
  ['linear', (x) => F.linear(x(3, 4), x(2, 4), x(2))],
  ['attention', (x) => F.scaledDotProductAttention(x(3, 4), x(5, 4), x(5, 2), { attnMask: x(3, 5) })],
  ['conv1d', (x) => F.conv1d(x(1, 2, 5), x(3, 2, 3), x(3))],
  ['conv2d', (x) => F.conv2d(x(1, 2, 5, 5), x(3, 2, 3, 3), x(3))],
  ['conv3d', (x) => F.conv3d(x(1, 1, 3, 3, 3), x(1, 1, 2, 2, 2), x(1))],
  ['convTranspose1d', (x) => F.convTranspose1d(x(1, 2, 5), x(2, 3, 3), x(3))],
  ['convTranspose2d', (x) => F.convTranspose2d(x(1, 2, 3, 3), x(2, 3, 2, 2), x(3))],
  ['convTranspose3d', (x) => F.convTranspose3d(x(1, 1, 2, 2, 2), x(1, 1, 2, 2, 2), x(1))],
  ['prelu', (x) => F.prelu(x(3, 2), x(2))],
];

const TO_FLOAT32: readonly Case[] = [
  ['pow', (x) => x(3).pow(2)],
  ['pow of a tensor', (x) => pow(x(3), x(3))],
  ['exp', (x) => x(3).exp()],
  ['expm1', (x) => x(3).expm1()],
  ['log', (x) => x(3).log()],
  ['log10', (x) => x(3).log10()],
  ['log1p', (x) => x(3).log1p()],
  ['log2', (x) => x(3).log2()],
  ['reciprocal', (x) => x(3).reciprocal()],
  ['rsqrt', (x) => x(3).rsqrt()],
  ['tan', (x) => x(3).tan()],
  ['asin', (x) => x(3).asin()],
  ['acos', (x) => x(3).acos()],
  ['sinh', (x) => x(3).sinh()],
  ['cosh', (x) => x(3).cosh()],
  ['sum', (x) => x(3).sum()],
  ['prod', (x) => x(3).prod()],
  ['cumsum', (x) => x(3).cumsum(0)],
  ['cumprod', (x) => x(3).cumprod(0)],
  ['norm', (x) => x(3).norm()],
  ['dist', (x) => dist(x(3), x(3))],
  ['cdist', (x) => cdist(x(3, 2), x(2, 2))],
  ['pdist', (x) => F.pdist(x(3, 2))],
  ['softmax', (x) => F.softmax(x(3, 2), 1)],
  ['softmin', (x) => F.softmin(x(3, 2), 1)],
  ['logSoftmax', (x) => F.logSoftmax(x(3, 2), 1)],
  ['softplus', (x) => F.softplus(x(3))],
  ['layerNorm', (x) => F.layerNorm(x(3, 4), 4, x(4), x(4))],
  ['groupNorm', (x) => F.groupNorm(x(2, 4, 3), 2, x(4), x(4))],
  ['normalize', (x) => F.normalize(x(3, 2))],
  ['cosineSimilarity', (x) => F.cosineSimilarity(x(3, 2), x(3, 2))],
  ['crossEntropy', (x) => F.crossEntropy(x(2, 3), tensor(Int32Array.of(0, 2)))],
  ['nllLoss', (x) => F.nllLoss(x(2, 3), tensor(Int32Array.of(0, 2)))],
  ['mseLoss', (x) => F.mseLoss(x(3), x(3))],
  ['l1Loss', (x) => F.l1Loss(x(3), x(3))],
  ['smoothL1Loss', (x) => F.smoothL1Loss(x(3), x(3))],
  ['binaryCrossEntropyWithLogits', (x) => F.binaryCrossEntropyWithLogits(x(3), x(3))],
  ['klDiv', (x) => F.klDiv(x(3), x(3))],
  ['poissonNllLoss', (x) => F.poissonNllLoss(x(3), x(3))],
  ['hingeEmbeddingLoss', (x) => F.hingeEmbeddingLoss(x(3), ones([3]))],
  ['marginRankingLoss', (x) => F.marginRankingLoss(x(3), x(3), ones([3]))],
  ['cosineEmbeddingLoss', (x) => F.cosineEmbeddingLoss(x(3, 2), x(3, 2), ones([3]))],
  ['softMarginLoss', (x) => F.softMarginLoss(x(3), ones([3]))],
  ['tripletMarginLoss', (x) => F.tripletMarginLoss(x(3, 2), x(3, 2), x(3, 2))],
];

/** Ops that no list names: what comes in half goes out in half. */
const UNLISTED: readonly Case[] = [
  ['mean', (x) => x(3).mean()],
  ['var', (x) => x(3).var()],
  ['logsumexp', (x) => x(3).logsumexp(0)],
  ['sqrt', (x) => x(3).sqrt()],
  ['tanh', (x) => x(3).tanh()],
  ['sigmoid', (x) => x(3).sigmoid()],
  ['relu', (x) => F.relu(x(3))],
  ['gelu', (x) => F.gelu(x(3))],
  ['silu', (x) => F.silu(x(3))],
  ['elu', (x) => F.elu(x(3))],
  ['selu', (x) => F.selu(x(3))],
  ['mish', (x) => F.mish(x(3))],
  ['logsigmoid', (x) => F.logsigmoid(x(3))],
  ['maxPool2d', (x) => F.maxPool2d(x(1, 1, 4, 4), 2)],
  ['avgPool2d', (x) => F.avgPool2d(x(1, 1, 4, 4), 2)],
  ['batchNorm', (x) => F.batchNorm(x(3, 2), null, null, make([2]), make([2]), { training: true })],
  ['mul', (x) => x(3).mul(x(3)).mul(2)],
];

describe.each(['float32', 'float16'] as const)('from %s', (dtype) => {
  const x: Make = (...shape) => make(shape, dtype);
  test.each(TO_FLOAT16)('%s computes in float16', (_, op) => {
    expect(autocast(() => op(x)).dtype).toBe('float16');
    expect(op(x).dtype).toBe(dtype);
  });
  test.each(TO_FLOAT32)('%s computes in float32', (_, op) => {
    expect(autocast(() => op(x)).dtype).toBe('float32');
    expect(autocast(() => op(x), { enabled: false }).dtype).toBe(op(x).dtype);
  });
  test.each(UNLISTED)('%s keeps its dtype', (_, op) => {
    expect(autocast(() => op(x)).dtype).toBe(dtype);
  });
  test('float64 and integers are left alone', () => {
    const y = ones([2, 2], { dtype: 'float64' });
    expect(autocast(() => y.matmul(y)).dtype).toBe('float64');
    expect(autocast(() => y.sum()).dtype).toBe('float64');
    expect(autocast(() => y.int().matmul(y.int())).dtype).toBe('int32');
  });
});

test.each<readonly [string, (a: Tensor, b: Tensor) => Tensor]>([
  ['add', (a, b) => a.add(b)],
  ['cat', (a, b) => cat([a, b])],
  ['stack', (a, b) => stack([a, b])],
  ['dot', (a, b) => dot(a, b)],
  ['tensordot', (a, b) => tensordot(a, b, 1)],
  ['cross', (a, b) => cross(a, b)],
  ['atan2', (a, b) => a.atan2(b)],
  ['addcmul', (a, b) => addcmul(a, b, a)],
  ['addcdiv', (a, b) => addcdiv(a, b, a)],
  ['scatterAdd', (a, b) => a.scatterAdd(0, tensor(Int32Array.of(0, 1, 2)), b)],
  ['bilinear', (a, b) => F.bilinear(a, b, a.reshape(1, 1, 3).expand([2, 3, 3]) as Tensor)],
])('%s promotes to the widest dtype', (_, op) => {
  const [half, single] = [make([3], 'float16'), make([3])];
  expect(autocast(() => op(half, single)).dtype).toBe('float32');
  expect(autocast(() => op(single, half)).dtype).toBe('float32');
  expect(autocast(() => op(half, half)).dtype).toBe('float16');
});

test('values are those of converted operands', async () => {
  const [a, b] = [make([3, 4]), make([4, 2])];
  const product = autocast(() => a.matmul(b));
  expect(await product.data()).toEqual(await a.half().matmul(b.half()).data());
  const x = make([5], 'float16');
  expect(await autocast(() => x.exp()).data()).toEqual(await x.float().exp().data());
  // Squares of float16 overflow from 256 on; in float32 they do not.
  const large = tensor([300, 400]).half();
  expect(await autocast(() => large.norm()).item()).toBe(500);
});

test('the mode: nested, thrown out of, and held by an async function', async () => {
  expect(isAutocastEnabled()).toBe(false);
  autocast(() => {
    expect(isAutocastEnabled()).toBe(true);
    autocast(() => expect(isAutocastEnabled()).toBe(false), { enabled: false });
    expect(isAutocastEnabled()).toBe(true);
  });
  expect(() =>
    autocast(() => {
      throw new Error('out');
    }),
  ).toThrow('out');
  expect(isAutocastEnabled()).toBe(false);
  const held = autocast(async () => {
    await Promise.resolve();
    return isAutocastEnabled();
  });
  expect(await held).toBe(true);
  expect(isAutocastEnabled()).toBe(false);
  expect(() => autocast(() => 0, { dtype: 'float64' as never })).toThrow(
    "autocast: dtype must be 'float16', got 'float64'",
  );
});

test('binaryCrossEntropy is an error, as in PyTorch', () => {
  const p = make([3]).mul(0.5);
  expect(() => autocast(() => F.binaryCrossEntropy(p, p))).toThrow(DTypeError);
  expect(F.binaryCrossEntropy(p, p).dtype).toBe('float32');
});

test('a parameter is converted once in a scope, and its gradient is float32', async () => {
  const layer = new nn.Linear(3, 3);
  const x = make([2, 3]);
  const inputOf = (t: Tensor) => t.node.inputs;
  const casts = new Set<unknown>();
  const y = autocast(() => {
    const [one, two] = [F.linear(x, layer.weight), F.linear(x, layer.weight)];
    for (const t of [one, two]) casts.add(inputOf(t)[1].inputs[0]);
    // What was converted without a tape must not be used with one.
    noGrad(() => layer(x));
    return layer(layer(x)).add(one);
  });
  expect(casts.size).toBe(1);
  expect(y.dtype).toBe('float16');
  y.float().sum().backward();
  expect(layer.weight.grad?.dtype).toBe('float32');
  expect(layer.bias?.grad?.dtype).toBe('float32');

  const { weight } = new nn.Linear(3, 3);
  const used = autocast(() => {
    noGrad(() => F.linear(x, weight));
    return F.linear(x, weight);
  });
  used.float().sum().backward();
  expect(weight.grad?.shape).toEqual([3, 3]);
});

test('a backward inside the scope, and a checkpoint outside of it, have the dtypes of the forward', async () => {
  const weight = new nn.Parameter(make([3, 3]));
  const x = make([2, 3]);
  autocast(() => F.linear(x, weight).sum().backward());
  const inside = await weight.grad!.data();
  expect(weight.grad?.dtype).toBe('float32');
  weight.grad = null;
  const loss = autocast(() => checkpoint((t: Tensor) => F.linear(t, weight), x).sum());
  loss.backward();
  expect(await weight.grad!.data()).toEqual(inside);
});

test('compiled functions know whether autocast is on', async () => {
  const product = compile((a: Tensor, b: Tensor) => a.matmul(b));
  const [a, b] = [make([3, 4]), make([4, 2])];
  for (let i = 0; i < 4; i++) {
    expect(product(a, b).dtype).toBe('float32');
    expect(autocast(() => product(a, b)).dtype).toBe('float16');
  }
  expect(product.report.replays).toBe(4);
});

test('half() and to() of modules convert parameters and buffers', async () => {
  const net = new nn.Sequential(new nn.Linear(4, 3), new nn.BatchNorm1d(3));
  const before = net.parameters();
  expect(net.half()).toBe(net);
  expect(net.parameters()).toEqual(before);
  expect(new Set(Object.values(net.stateDict()).map((t) => t.dtype))).toEqual(new Set(['float16', 'int32']));
  expect(net(make([2, 4], 'float16')).dtype).toBe('float16');
  expect(net.float().parameters()[0].dtype).toBe('float32');
  expect(net.double().parameters()[0].dtype).toBe('float64');
  expect(net.to('float16').parameters()[0].dtype).toBe('float16');
});

test('what attention is made of keeps its dtype when its plan is made inside', async () => {
  const [q, k, v] = [make([3, 4]), make([5, 4]), make([5, 2])];
  const wanted = await F.scaledDotProductAttention(q, k, v).data();
  const pending = F.scaledDotProductAttention(q, k, v);
  const got = await autocast(async () => pending.mul(1).data());
  expect(got).toEqual(wanted);
});
