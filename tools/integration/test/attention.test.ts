/** Attention: its values and gradients against PyTorch's, and what kernels become of it. */
import { grad } from '@neurite/autograd';
import { functional as F } from '@neurite/nn';
import {
  attention,
  type Capabilities,
  explain,
  manualSeed,
  randn,
  type Tensor,
  tensor,
  use,
} from '@neurite/tensor';
import { reference } from '@neurite/tensor/reference';
import { describe, expect, it } from 'vitest';

const NAMES = [
  'attention',
  'attentionLogSumExp',
  'attentionGradQuery',
  'attentionGradKey',
  'attentionGradValue',
];
/** Takes all calls of named ops. */
const namedOps: Capabilities['namedOps'] = Object.fromEntries(NAMES.map((name) => [name, () => true]));

async function three(shape: number[] = [2, 3, 5, 4], keys = 6, e = 3): Promise<Tensor[]> {
  const front = shape.slice(0, -2);
  const made = [shape, [...front, keys, shape.at(-1)!], [...front, keys, e]].map((s) =>
    randn(s, { dtype: 'float32' }),
  );
  return Promise.all(made.map(async (t) => tensor(await t.data(), { shape: t.shape, requiresGrad: true })));
}

describe('debug', () => {
  for (const named of [undefined, namedOps])
    it('runs', async () => {
      await use(reference({ ...(named && { namedOps: named }) }), { log: false });
      manualSeed(3);
      const [q, k, v] = await three();
      for (const causal of [false, true]) {
        const y = F.scaledDotProductAttention(q, k, v, { isCausal: causal });
        const [dq, dk, dv] = grad(y.mul(y).sum() as Tensor, [q, k, v]);
        const all = [y, dq, dk, dv].map((t) => t.sum().reshape(1)) as Tensor[];
        const { cat } = await import('@neurite/tensor');
        const out = cat([y, dq, dk, dv].map((t) => t.reshape(-1)));
        const plan = await explain(out);
        console.log(plan.kernels.map((k) => k.name));
        if (named)
          console.log(
            plan.kernels
              .filter((k) => k.loops.includes('named'))
              .map((k) => k.loops)
              .join('\n'),
          );
        console.log(await cat(all).data());
      }
    });
});
