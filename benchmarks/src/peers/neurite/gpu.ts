/** Our rows on a GPU. */
import { type BackendFactory, use } from '@neurite/tensor';
import type { PeerRows } from '../../case.js';
import { compileCases, readResults } from './forward.js';
import { rows } from './index.js';

/** `compiled`: steps are replayed (`compile(fn)`), as jax-js's are. */
export async function openOnGpu(factory: BackendFactory, { compiled = false } = {}): Promise<PeerRows> {
  readResults();
  if (compiled) compileCases();
  await use(factory, { log: () => {} });
  return rows;
}
