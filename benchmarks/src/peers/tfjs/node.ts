/** tfjs in Node. */
import { register } from 'node:module';
import type { PeerRows } from '../../case.js';

/**
 * tfjs-core ships its gradients only as modules for bundlers, whose imports lack `.js`; this lets Node find them. They register
 * themselves in a global table that the package's main module reads too.
 */
const resolver = `export const resolve = (specifier, context, next) =>
  next(specifier, context).catch(() => next(specifier + '.js', context));`;

export async function open(gradients: boolean): Promise<PeerRows> {
  // First, for whichever module comes first makes the engine, and only the main one's tensors have all their methods.
  const library = await import('./index.js');
  if (gradients) {
    register(`data:text/javascript,${encodeURIComponent(resolver)}`);
    await import('@tensorflow/tfjs-core/dist/register_all_gradients.js');
  }
  return library.open();
}
