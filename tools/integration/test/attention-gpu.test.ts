/** Attention in one kernel, and its gradients: against what the reference backend makes of the decomposition. */
import { grad } from '@neurite/autograd';
import { webgpu } from '@neurite/backend-webgpu';
import { onAnyGpu } from '@neurite/browser';
import { parkMiller } from '@neurite/browser/kit';
import { attention, type Device, explain, type Tensor, tensor, use } from '@neurite/tensor';
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
  /** Query, key and value are views of one projection, as those of heads are; the mask has no dimensions in front. */
  readonly heads?: boolean;
}

const draw = parkMiller(11);
const uniform = (size: number): Float32Array => Float32Array.from({ length: size }, () => draw() * 2 - 1);
const sizeOf = (shape: readonly number[]) => shape.reduce((a, n) => a * n, 1);

/** What is computed from, as host data: each device makes tensors of it. */
function draws(c: AttentionCase) {
  const { batch = [], m, n, d, e, mask, heads } = c;
  const maskShape = heads ? [m, n] : [...batch, m, n];
  const isBool = mask === 'bool' || mask === 'rows';
  const entries = Float32Array.from({ length: sizeOf(maskShape) }, (_, i) => {
    const row = Math.floor(i / n) % m;
    const isHidden = mask?.endsWith('rows') ? row % 3 === 1 : draw() < 0.3 && i % n !== 0;
    return isBool ? Number(!isHidden) : isHidden ? Number.NEGATIVE_INFINITY : draw();
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
) {
  const { batch = [], m, e, causal, scale } = c;
  const inputs = data.map(
    (values, i) => tensor(values.slice(), { shape: sizes[i], requiresGrad: true, device }) as Tensor,
  );
  const [q, k, v] = c.heads
    ? inputs[0].chunk(3, 2).map((t) => t.reshape([batch[0], m, batch[1], -1]).transpose(1, 2))
    : inputs;
  const mask = c.mask && tensor(entries.slice(), { shape: maskShape, device });
  const y = attention(q, k, v, { causal, scale, mask: mask && (isBool ? mask.ne(0) : mask) });
  const weighted = y.mul(tensor(g.slice(), { shape: [...batch, m, e], device }));
  return [
    y,
    ...grad(weighted, inputs, {
      gradOutputs: tensor(new Float32Array(g.length).fill(1), { shape: weighted.shape, device }),
    }),
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

describe('attention', () => {
  test('is one dispatch', async () => {
    const c: AttentionCase = { batch: [2], m: 40, n: 35, d: 4, e: 6 };
    const [y] = outputs(c, draws(c), gpu);
    const { kernels } = await explain(y);
    expect(kernels.map(({ name, specialized }) => [name, specialized])).toEqual([['attention', true]]);
    expect(kernels[0].source).toContain('fn attention');
  });

  for (const c of CASES) test(nameOf(c), () => compare(c, gpu));
});
describe('attention on default limits', () => {
  for (const c of WIDE) test(nameOf(c), () => compare(c, basic));
});
