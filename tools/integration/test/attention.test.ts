/** Attention: values and gradients against PyTorch's, and what kernels become of it, with and without a device that has some for it. */
import { grad, gradcheck, gradgradcheck } from '@neurite/autograd';
import { cpu } from '@neurite/backend-cpu';
import * as nn from '@neurite/nn';
import {
  attention,
  type Backend,
  type BackendFactory,
  type Capabilities,
  cat,
  compile,
  explain,
  manualSeed,
  randn,
  resetStats,
  stats,
  type Tensor,
  tensor,
  tril,
  use,
  ValidationError,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describe, expect, it } from 'vitest';
import { CASES } from './attention-cases.js';

const F = nn.functional;
const NAMES = [
  'attention',
  'attentionLogSumExp',
  'attentionGradQuery',
  'attentionGradKey',
  'attentionGradValue',
];
const namedOps: Capabilities['namedOps'] = Object.fromEntries(NAMES.map((name) => [name, () => true]));
const DEVICES: readonly [string, BackendFactory][] = [
  ['decomposed', reference()],
  ['in kernels of its own', reference({ namedOps })],
  ['decomposed on the CPU', cpu()],
];

/** Query [2, 3, 5, 4], key [2, 3, 7, 4], value [2, 3, 7, 6]: tensors of the host. */
async function three(dtype: 'float32' | 'float64' = 'float32'): Promise<Tensor[]> {
  manualSeed(5);
  const shapes = [
    [2, 3, 5, 4],
    [2, 3, 7, 4],
    [2, 3, 7, 6],
  ];
  return Promise.all(
    shapes.map(async (shape) =>
      tensor(await randn(shape, { dtype }).data(), { shape, dtype, requiresGrad: true }),
    ),
  );
}

/** Written with single operations. */
const composed = (q: Tensor, k: Tensor, v: Tensor): Tensor =>
  q.matmul(k.transpose(-2, -1)).mul(0.5).softmax(-1).matmul(v);

const flat = (tensors: readonly Tensor[]): Tensor => cat(tensors.map((t) => t.reshape(-1)));
/** Output and all gradients, as one tensor. */
const withGradients = (f: (...qkv: Tensor[]) => Tensor, inputs: readonly Tensor[]): Tensor => {
  const y = f(...inputs);
  return flat([y, ...(grad(y.square().sum() as Tensor, inputs) as Tensor[])]);
};

describe.each(DEVICES)('attention %s', (_, factory) => {
  it.each(CASES)('is PyTorch’s: $batch $m $n $d $e', async (c) => {
    await use(factory, { log: false });
    const dtype = 'float64';
    const of = (data: number[], rows: number, columns: number, requiresGrad = true): Tensor =>
      tensor(data, { shape: [...c.batch, rows, columns], dtype, requiresGrad });
    const inputs = [of(c.q, c.m, c.d), of(c.k, c.n, c.d), of(c.v, c.n, c.e)];
    const added = c.mask && tensor(c.mask, { shape: [c.m, c.n], dtype, requiresGrad: !c.isBool });
    const attnMask = added && c.isBool ? added.ne(0) : added;
    const y = F.scaledDotProductAttention(inputs[0], inputs[1], inputs[2], {
      attnMask,
      isCausal: c.causal,
      scale: c.scale,
    });
    const wanted = added && !c.isBool ? [...inputs, added] : inputs;
    const gradients = grad(y, wanted, { gradOutputs: of(c.g, c.m, c.e, false) });
    for (const [i, t] of [y, ...gradients].entries()) {
      const expected = [c.output, ...c.gradients][i];
      const values = await t.data();
      expect(values).toHaveLength(expected.length);
      for (const [at, value] of expected.entries()) expect(values[at]).toBeCloseTo(value, 5);
    }
  });

  it('has second derivatives', async () => {
    await use(factory, { log: false });
    const inputs = (await three()).map((t) => t.slice(0, 0, 1).slice(1, 0, 1).detach().requiresGrad_());
    const second = (f: (...qkv: Tensor[]) => Tensor) => {
      const first = grad(
        f(...inputs)
          .square()
          .sum() as Tensor,
        inputs,
        { createGraph: true },
      );
      const total = first.map((t) => t.square().sum()).reduce((a, b) => a.add(b)) as Tensor;
      return flat(grad(total, inputs)).data();
    };
    const expected = await second(composed);
    const actual = await second((q, k, v) => attention(q, k, v));
    for (const [i, value] of expected.entries()) expect(actual[i] / value).toBeCloseTo(1, 2);
  });
});

it('has the derivatives of its decomposition', async () => {
  await use(reference(), { log: false });
  const small = (await three('float64')).map((t) =>
    t.slice(0, 0, 1).slice(1, 0, 1).slice(2, 0, 3).detach().requiresGrad_(),
  );
  const causal = (q: Tensor, k: Tensor, v: Tensor): Tensor => attention(q, k, v, { causal: true });
  expect(await gradcheck(causal as never, small as never)).toBe(true);
  expect(await gradgradcheck(causal as never, small as never)).toBe(true);
});

describe('kernels', () => {
  const names = async (t: Tensor) => (await explain(t)).kernels.map(({ name }) => name);

  it('are one for the output, and three more for the gradients; none has the scores', async () => {
    await use(reference({ namedOps }), { log: false });
    const inputs = await three();
    expect(await names(attention(inputs[0], inputs[1], inputs[2]))).toEqual(['attention']);
    const plan = await explain(withGradients((q, k, v) => attention(q, k, v), inputs));
    expect(plan.kernels.map(({ name }) => name)).toEqual([
      'attention_attentionLogSumExp',
      expect.stringContaining('sum'),
      'attentionGradQuery',
      'attentionGradKey_attentionGradValue',
      expect.stringContaining('copy'),
    ]);
    const sizes = [...`${plan}`.matchAll(/float32\[(\d+)\]/g)].map((match) => Number(match[1]));
    expect(sizes).not.toContain(2 * 3 * 5 * 7);
    expect(`${plan}`).toContain('named attentionGradKeyValue, scale 0.5, causal false');
    // Of the gradients two products are the forward pass's own.
    expect(plan.kernels[0].flops).toBe(2 * 2 * 3 * 5 * 7 * (4 + 6));
  });

  it('read views where they are', async () => {
    await use(reference({ namedOps }), { log: false });
    const x = tensor(await randn([2, 5, 36]).data(), { shape: [2, 5, 36] });
    const [q, k, v] = x.chunk(3, 2).map((t) => t.reshape(2, 5, 3, 4).transpose(1, 2));
    expect(await names(attention(q, k, v, { causal: true }))).toEqual(['attention']);
  });

  it('are those of single operations on other devices', async () => {
    await use(cpu(), { log: false });
    const inputs = await three();
    const [q, k, v] = inputs;
    expect(await names(attention(q, k, v))).toEqual(await names(composed(q, k, v)));
    const own = await names(withGradients((a, b, c) => attention(a, b, c), inputs));
    const single = await names(withGradients(composed, inputs));
    expect(own.length).toBeLessThanOrEqual(single.length);
    expect(own.join().match(/exp/g)).toHaveLength(1);
  });

  it('are split where they would bind too many buffers', async () => {
    await use(reference({ namedOps, maxBuffers: 8 }), { log: false });
    const inputs = await three();
    const mask = tensor(await randn([5, 7]).data(), { shape: [5, 7] });
    const all = withGradients((q, k, v) => attention(q, k, v, { mask }), inputs);
    expect(await names(all)).toEqual(expect.arrayContaining(['attentionGradKey', 'attentionGradValue']));
    const values = await all.data();
    await use(reference(), { log: false });
    const expected = await withGradients((q, k, v) => attention(q, k, v, { mask }), inputs).data();
    for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, 4);
  });

  it('are chosen call by call', async () => {
    const narrow: Capabilities['namedOps'] = {
      attention: ({ inputs }) => inputs[0].shape.at(-1)! < 4,
    };
    await use(reference({ namedOps: narrow }), { log: false });
    const [q, k, v] = await three();
    expect(await names(attention(q, k, v))).toHaveLength(3);
    const few = (t: Tensor) => t.slice(3, 0, 3);
    expect(await names(attention(few(q), few(k), v))).toEqual(['attention']);
  });
});

it('finds its plan again, and replays', async () => {
  await use(reference({ namedOps }), { log: false });
  const inputs = await three();
  const f = (q: Tensor, k: Tensor, v: Tensor) => withGradients((a, b, c) => attention(a, b, c), [q, k, v]);
  const [q, k, v] = inputs;
  const first = [...(await f(q, k, v).data())];
  resetStats();
  expect([...(await f(q, k, v).data())]).toEqual(first);
  expect(stats().plansBuilt).toBe(0);
  const replayed = compile((a: Tensor, b: Tensor, c: Tensor) => attention(a, b, c, { causal: true }));
  const expected = [...(await attention(q, k, v, { causal: true }).data())];
  for (let i = 0; i < 4; i++) expect([...(await (await replayed(q, k, v)).data())]).toEqual(expected);
});

describe('a device that promises kernels', () => {
  const changed = (change: (backend: Backend) => Partial<Backend>): BackendFactory => ({
    name: 'changed',
    async start() {
      const { backend, notes } = await reference({ namedOps }).start();
      return { backend: { ...backend, ...change(backend) }, notes };
    },
  });

  it('is checked by validateWith', async () => {
    await use(reference(), { log: false });
    const [q, k, v] = await three();
    await use(reference({ namedOps }), { validateWith: reference(), log: false });
    await attention(q, k, v).data();
    const wrong = changed(({ specialize }) => ({
      specialize: (kernel) =>
        kernel.named &&
        specialize!({ ...kernel, named: { ...kernel.named, params: { scale: 1, causal: false } } }),
    }));
    await use(wrong, { validateWith: cpu(), log: false });
    await expect(attention(q, k, v).data()).rejects.toThrow(ValidationError);
  });

  it('must have them', async () => {
    await use(reference(), { log: false });
    const [q, k, v] = await three();
    await use(
      changed(() => ({ specialize: () => undefined })),
      { log: false },
    );
    await expect(attention(q, k, v).data()).rejects.toThrow(/specialize returned no program: attention/);
  });
});

describe('scaledDotProductAttention', () => {
  it('drops weights', async () => {
    await use(reference(), { log: false });
    const [q, k, v] = await three();
    expect(Math.max(...(await F.scaledDotProductAttention(q, k, v, { dropoutP: 1 }).abs().data()))).toBe(0);
    manualSeed(1);
    const dropped = F.scaledDotProductAttention(q, k, v, null, 0.5, true);
    manualSeed(1);
    const weights = q.matmul(k.transpose(-2, -1)).mul(0.5);
    const seen = weights.maskedFill(tril(weights.eq(weights)).logicalNot(), Number.NEGATIVE_INFINITY);
    const expected = await F.dropout(seen.softmax(-1), 0.5).matmul(v).data();
    const values = await dropped.data();
    for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, 5);
  });

  it('broadcasts in front, and sums over no keys', async () => {
    await use(reference(), { log: false });
    const [q, k, v] = await three();
    const one = attention(q, k.select(0, 0), v.select(0, 0).select(0, 0));
    expect(one.shape).toEqual([2, 3, 5, 6]);
    const none = attention(q, k.slice(2, 0, 0), v.slice(2, 0, 0));
    expect([...(await none.data())]).toEqual(new Array(2 * 3 * 5 * 6).fill(0));
  });

  it('says what does not fit', async () => {
    const [q, k, v] = await three();
    expect(() => F.scaledDotProductAttention(q, v, v)).toThrow(/last size \(4 vs 6\)/);
    expect(() => F.scaledDotProductAttention(q, k, q)).toThrow(/length \(7 vs 5\)/);
    const mask = q.select(-1, 0);
    expect(() => F.scaledDotProductAttention(q, k, v, { attnMask: mask })).toThrow(/do not broadcast/);
    expect(() => F.scaledDotProductAttention(q, k, v, { attnMask: k.eq(k), isCausal: true })).toThrow(
      /not both/,
    );
    expect(() => F.scaledDotProductAttention(q, k.double() as Tensor, v)).toThrow(/one dtype/);
  });
});
