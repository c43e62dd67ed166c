/** Tuned shaders for contractions: which kind of program a product gets. */
import { isFloat, type Kernel, type Nest } from '@neurite/tensor';
import { DIRECT_GROUP, directConvPart, isDirect } from './directConv.js';
import { assemble, createScope, type Shader } from './module.js';
import { type Product, productOf } from './product.js';
import { FEW, sidesOf, skinnyPart, skinnyShape } from './skinny.js';
import { sizeOf } from './strategy.js';
import { chooseTile, groupOf } from './tileShapes.js';
import { tilePart } from './tiles.js';

/** Sums with fewer terms are not worth sharing. */
const SHARED_TERMS = 32;
/** Rows and columns that a tile should at least have. */
const TILE_ROWS = 4;

/** A tuned shader for a kernel that is a contraction; null where its own loops are as good. */
export function contractionShader(kernel: Kernel): Shader | null {
  // A contraction is alone in its kernel.
  const [nest] = kernel.nests;
  if (kernel.nests.length !== 1 || !isPlainProduct(nest)) return null;
  const product = productOf(nest, kernel);
  if (!product || product.k === 0) return null;
  const { contraction } = nest;
  if (contraction?.op === 'conv' && isDirect(contraction)) {
    const scope = createScope(kernel);
    return assemble(scope, [directConvPart('direct_conv', nest, contraction, product, scope)], DIRECT_GROUP);
  }
  const scope = createScope(kernel, { vectors: vectorsOf(product) });
  const few = sidesOf(product).narrow.rows;
  // Patches are dear to fetch, and worth sharing in tiles.
  if (few <= (contraction?.op === 'conv' ? TILE_ROWS - 1 : FEW)) {
    if (product.k < SHARED_TERMS) return null;
    const shape = skinnyShape(product);
    return assemble(
      scope,
      [skinnyPart('skinny_product', nest, product, shape, scope)],
      shape.fours * shape.lanes,
    );
  }
  const shape = chooseTile(product);
  return assemble(scope, [tilePart(`${shape.name}_tiles`, nest, product, shape, scope)], groupOf(shape));
}

/** Buffers that are read in vectors. */
const vectorsOf = ({ lhs, rhs }: Product): ReadonlySet<number> =>
  new Set([lhs, rhs].flatMap(({ vector, buffer }) => (vector ? [buffer] : [])));

/** Whether a nest is nothing but a product of floats with an epilogue of single points. */
const isPlainProduct = ({ phases, outer, contraction }: Nest): boolean =>
  contraction !== null &&
  isFloat(phases[0].reductions[0].dtype) &&
  phases[0].stores.length === 0 &&
  phases.slice(1).every((p) => sizeOf(p.loops) === 1) &&
  sizeOf(outer) > 0;
