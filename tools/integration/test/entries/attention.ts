/** Attention and its gradients, from the same numbers on any device: in Node or in a page. */
import { grad } from '@neurite/autograd';
import { webgpu } from '@neurite/backend-webgpu';
import { parkMiller } from '@neurite/browser/kit';
import { attention, type Device, type FloatDType, realize, type Tensor, tensor, use } from '@neurite/tensor';

export interface AttentionCase {
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
  readonly dtype?: 'float32' | 'float16';
  /** Query, key and value are views of one projection, as those of heads are; the mask has no dimensions in front. */
  readonly heads?: boolean;
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, n) => a * n, 1);

/** What is computed from, as host data: each device makes tensors of it. A case always has the same. */
function draws(c: AttentionCase) {
  const draw = parkMiller(11);
  // Multiples of 1/512: float16 has them all.
  const uniform = (size: number): Float32Array =>
    Float32Array.from({ length: size }, () => Math.round(draw() * 1024) / 512 - 1);
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

/** The output of attention, and the gradients of what its operands are made of. */
export function outputs(
  c: AttentionCase,
  device: Device,
  dtype: FloatDType = c.dtype ?? 'float32',
): Tensor[] {
  const { batch = [], m, causal, scale } = c;
  const { sizes, data, maskShape, entries, isBool, g } = draws(c);
  const given = (values: Float32Array, shape: readonly number[], requiresGrad = false): Tensor =>
    tensor(Array.from(values), { shape, dtype, requiresGrad, device });
  const inputs = data.map((values, i) => given(values, sizes[i], true));
  const [q, k, v] = c.heads
    ? inputs[0].chunk(3, 2).map((t) => t.reshape([batch[0], m, batch[1], -1]).transpose(1, 2))
    : inputs;
  const mask = c.mask && given(entries, maskShape);
  const y = attention(q, k, v, { causal, scale, mask: mask && (isBool ? mask.ne(0) : mask) });
  return [y, ...grad(y, inputs, { gradOutputs: given(g, y.shape) })];
}

/** What the GPU of a page makes of a case, all of it in one plan. */
export async function computeOnGpu(c: AttentionCase): Promise<number[][]> {
  const device = await use(webgpu(), { log: false });
  const tensors = outputs(c, device);
  await realize(...tensors);
  const values = await Promise.all(tensors.map(async (t) => Array.from(await t.data())));
  await device.destroy();
  return values;
}
