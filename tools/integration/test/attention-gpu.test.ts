/** Attention in one kernel, and its gradients: against what the reference backend makes of the decomposition. */
import { grad } from '@neurite/autograd';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import {
  attention,
  cat,
  type Device,
  explain,
  type FloatDType,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

interface AttentionCase {
  readonly batch?: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly d: number;
  readonly e: number;
  readonly causal?: boolean;
  readonly scale?: number;
  /** `rows`: some queries see no key. */
  readonly mask?: 'bool' | 'float' | 'rows' | 'float rows';
  /** Of query, key and value; float32 by default. */
  readonly dtype?: 'float16';
  /** Query, key and value are views of one projection, as those of heads are; the mask has no dimensions in front. */
  readonly heads?: boolean;
}

const draw = parkMiller(11);
/** Multiples of 1/512: float16 has them all. */
const uniform = (size: number): Float32Array =>
  Float32Array.from({ length: size }, () => Math.round(draw() * 1024) / 512 - 1);
const sizeOf = (shape: readonly number[]) => shape.reduce((a, n) => a * n, 1);

/** What is computed from, as host data: each device makes tensors of it. */
function draws(c: AttentionCase) {
  const { batch = [], m, n, d, e, mask, heads } = c;
  const maskShape = heads ? [m, n] : [...batch, m, n];
  const isBool = mask === 'bool' || mask === 'rows';
  const entries = Float32Array.from({ length: sizeOf(maskShape) }, (_, i) => {
    const row = Math.floor(i / n) % m;
    const isHidden = mask?.endsWith('rows') ? row % 3 === 1 : draw() < 0.3 && i % n !== 0;
    return isBool ? Number(!isHidden) : isHidden ? Number.NEGATIVE_INFINITY : uniform(1)[0];
  });
  const sizes = heads
    ? [[batch[0], m, 3 * batch[1] * d]]
    : [
        [...batch, m, d],
        [...batch, n, d],
        [...batch, n, e],
      ];
  return {
    sizes,
    data: sizes.map((s) => uniform(sizeOf(s))),
    maskShape,
    entries,
    isBool,
    g: uniform(sizeOf([...batch, m, e])),
  };
}

function outputs(
  c: AttentionCase,
  { sizes, data, maskShape, entries, isBool, g }: ReturnType<typeof draws>,
  device: Device,
  dtype: FloatDType = c.dtype ?? 'float32',
) {
  const { batch = [], m, e, causal, scale } = c;
  const given = (values: Float32Array, shape: readonly number[], requiresGrad = false): Tensor =>
    tensor(Array.from(values), { shape, dtype, requiresGrad, device });
  const inputs = data.map((values, i) => given(values, sizes[i], true));
  const [q, k, v] = c.heads
    ? inputs[0].chunk(3, 2).map((t) => t.reshape([batch[0], m, batch[1], -1]).transpose(1, 2))
    : inputs;
  const mask = c.mask && given(entries, maskShape);
  const y = attention(q, k, v, { causal, scale, mask: mask && (isBool ? mask.ne(0) : mask) });
  const weighted = y.mul(given(g, [...batch, m, e]));
  return [
    y,
    ...grad(weighted, inputs, { gradOutputs: given(new Float32Array(g.length).fill(1), weighted.shape) }),
  ];
}

let gpu: Device;
let basic: Device;
let host: Device;
beforeAll(async () => {
  host = await use(reference(), { log: false });
  basic = await use(onAnyGpu(webgpu({ limits: 'default' })), { log: false });
  gpu = await use(onAnyGpu(webgpu()), { log: false, validateWith: reference() });
});
afterAll(async () => {
  await gpu.destroy();
  await basic.destroy();
  await host.destroy();
});

/** Few and small: a software adapter takes seconds to compile each of these kernels. */
const CASES: readonly AttentionCase[] = [
  { batch: [2, 2], m: 40, n: 40, d: 8, e: 8, causal: true, heads: true },
  { m: 34, n: 9, d: 5, e: 7, mask: 'rows' },
  { batch: [2], m: 35, n: 50, d: 4, e: 12, mask: 'float', scale: 0.7 },
];
/** Elements that share words with those of other rows, other batches and other workgroups. */
const HALVES: readonly AttentionCase[] = [
  { batch: [3], m: 35, n: 33, d: 5, e: 7, dtype: 'float16', causal: true },
  { m: 33, n: 11, d: 3, e: 3, dtype: 'float16', mask: 'float' },
  { batch: [1, 2], m: 6, n: 6, d: 4, e: 4, dtype: 'float16', heads: true, mask: 'bool' },
];
/** On default limits: the widest heads, and blocks of 64 rows. */
const WIDE: readonly AttentionCase[] = [
  { m: 36, n: 34, d: 128, e: 128, causal: true },
  { batch: [8, 8], m: 65, n: 33, d: 6, e: 40 },
];
const nameOf = (c: AttentionCase) => JSON.stringify(c);

/** NaN is equal to NaN; where the oracle has one, there is nothing else to be. */
function furthest(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i]) !== Number.isNaN(expected[i])) return Number.POSITIVE_INFINITY;
    if (!Number.isNaN(expected[i])) most = Math.max(most, Math.abs(actual[i] - expected[i]));
  }
  return most;
}

async function compare(c: AttentionCase, device: Device): Promise<void> {
  const given = draws(c);
  const valuesOn = async (on: Device) => Promise.all(outputs(c, given, on).map((t) => t.data()));
  const [actual, expected] = [await valuesOn(device), await valuesOn(host)];
  expect(actual.map((values, i) => furthest(values, expected[i])).every((error) => error < 2e-5)).toBe(true);
}

/** The kernels compute in float32 and round once: 4 units in the last place of a float16 as large as the largest number. */
async function compareHalves(c: AttentionCase): Promise<void> {
  const given = draws(c);
  const tensors = outputs(c, given, gpu);
  const exact = outputs(c, given, host, 'float64');
  for (const [i, t] of tensors.entries()) {
    expect(t.dtype).toBe('float16');
    const [values, expected] = [await t.data(), await exact[i].data()];
    const largest = Math.max(...Array.from(expected, Math.abs).filter((x) => !Number.isNaN(x)));
    expect(furthest(values, expected)).toBeLessThan(2 ** -9 * largest);
  }
}

describe('attention', () => {
  test('is one dispatch', async () => {
    const c: AttentionCase = { batch: [2], m: 40, n: 35, d: 4, e: 6 };
    const [y] = outputs(c, draws(c), gpu);
    const { kernels } = await explain(y);
    expect(kernels.map(({ name, specialized }) => [name, specialized])).toEqual([['attention', true]]);
    expect(kernels[0].source).toContain('fn attention');
  });

  for (const c of CASES) test(nameOf(c), () => compare(c, gpu));
  for (const c of HALVES) test(nameOf(c), () => compareHalves(c));

  test('of float16 has no scores in memory either, nor its gradients', async () => {
    const c: AttentionCase = { m: 40, n: 36, d: 4, e: 6, dtype: 'float16' };
    const plan = await explain(cat(outputs(c, draws(c), gpu).map((t) => t.reshape(-1))));
    const own = plan.kernels.map(({ name }) => name).filter((name) => name.startsWith('attention'));
    expect(own).toEqual([
      'attention_attentionLogSumExp',
      'attentionGradQuery',
      'attentionGradKey_attentionGradValue',
    ]);
    const sizes = [...`${plan}`.matchAll(/float(?:16|32)\[(\d+)\]/g)].map((match) => Number(match[1]));
    expect(Math.max(...sizes)).toBeLessThan(40 * 36);
  });
});
describe('attention on default limits', () => {
  for (const c of WIDE) test(nameOf(c), () => compare(c, basic));
});
