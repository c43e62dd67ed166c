/** Tuned shaders for contractions: which kind of program a product gets. */
import { isFloat, type Kernel, type Nest } from '@neurite/tensor';
import { DIRECT_GROUP, directConvPart, isDirect } from './directConv.js';
import { assemble, createScope, type Shader } from './module.js';
import { DEPTH } from './operandCode.js';
import { type Product, productOf } from './product.js';
import { depthOf, FEW, sidesOf, skinnyGroups, skinnyPart, skinnyShape } from './skinny.js';
import { chooseSplit, type Split, splitShader } from './splits.js';
import { sizeOf } from './strategy.js';
import { chooseTile, groupOf, tilesOf } from './tileShapes.js';
import { tilePart } from './tiles.js';

/** Sums with fewer terms are not worth sharing. */
const SHARED_TERMS = 32;
/** Rows and columns that a tile should at least have. */
const TILE_ROWS = 4;

/**
 * A tuned shader for a kernel that is a contraction, with so many buffers at most; null where its own loops are as good. `hasHalf`: whether
 * there is f16.
 */
export function contractionShader(kernel: Kernel, maxBuffers: number, hasHalf = false): Shader | null {
  // A contraction is alone in its kernel.
  const [nest] = kernel.nests;
  if (kernel.nests.length !== 1 || !isPlainProduct(nest)) return null;
  const product = productOf(nest, kernel);
  if (!product || product.k === 0) return null;
  const { contraction } = nest;
  if (contraction?.op === 'conv' && isDirect(contraction)) {
    const scope = createScope(kernel, { hasHalf });
    return assemble(scope, [directConvPart('direct_conv', nest, contraction, product, scope)], DIRECT_GROUP);
  }
  const scope = createScope(kernel, { vectors: vectorsOf(product), hasHalf });
  // The parts need a buffer more.
  const canSplit = kernel.buffers.length < maxBuffers;
  const split = (workgroups: number, step: number): Split =>
    canSplit ? chooseSplit(product, workgroups, step) : { parts: 1, terms: product.k };
  const few = sidesOf(product).narrow.rows;
  // Patches are dear to fetch, and worth sharing in tiles.
  if (few <= (contraction?.op === 'conv' ? TILE_ROWS - 1 : FEW)) {
    if (product.k < SHARED_TERMS) return null;
    const shape = skinnyShape(product);
    const parts = split(skinnyGroups(product, shape), depthOf(shape));
    const part = skinnyPart('skinny_product', nest, product, shape, parts, scope);
    return splitShader(nest, product, parts, part, shape.fours * shape.lanes, scope);
  }
  const shape = chooseTile(product, canSplit);
  const parts = split(tilesOf(product, shape), DEPTH * shape.slices);
  const part = tilePart(`${shape.name}_tiles`, nest, product, shape, parts, scope);
  return splitShader(nest, product, parts, part, groupOf(shape), scope);
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
