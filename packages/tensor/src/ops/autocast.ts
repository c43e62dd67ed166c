/** Automatic mixed precision: which ops compute in float16, which in float32, while it is on. */
import { type DType, isFloat, promoteTypes } from '../dtype.js';
import { ValueError } from '../errors.js';
import { isGradEnabled } from '../graph/grad-mode.js';
import type { Node } from '../graph/node.js';
import type { DeviceHandle } from '../graph/storage.js';
import { cast } from './cast.js';

export interface AutocastOptions {
  /** What products and convolutions compute in: 'float16', the only one there is. */
  readonly dtype?: 'float16';
  /** `false` switches it off for the calls in `fn`. Default true. */
  readonly enabled?: boolean;
  /** Convert only tensors of this device (and those that are on none yet). Default: all. */
  readonly device?: DeviceHandle | null;
}

interface Scope {
  readonly dtype: DType;
  readonly device: DeviceHandle | null;
  /** What parameters were converted to. */
  readonly weights: Map<Node, Node>;
}

let scope: Scope | null = null;

/** Whether ops recorded now choose their dtypes by autocast's lists (PyTorch's `torch.is_autocast_enabled`). */
export const isAutocastEnabled = (): boolean => scope !== null;

/** What recorded graphs depend on. */
export const autocastKey = (): DType | '' => scope?.dtype ?? '';

function within<T>(next: Scope | null, fn: () => T): T {
  const before = scope;
  scope = next;
  let result: T;
  try {
    result = fn();
  } catch (e) {
    scope = before;
    throw e;
  }
  if (result instanceof Promise)
    return result.finally(() => {
      scope = before;
    }) as T;
  scope = before;
  return result;
}

/**
 * Runs `fn` in mixed precision: each op on autocast's lists converts its float32 and float16 operands, the others take what comes.
 * An async `fn` holds the mode until it settles. The lists are PyTorch's for CUDA
 * (https://pytorch.org/docs/stable/amp.html#cuda-ops-that-autocast-to-float16):
 *
 * - to float16: matmul, mm, bmm, mv, addmm, addmv, addr, baddbmm, addbmm, linear, conv1d to conv3d and their transposes, prelu, attention;
 * - to float32: exp, expm1, log, log10, log1p, log2, pow, reciprocal, rsqrt, tan, asin, acos, sinh, cosh, sum, prod, cumsum, cumprod,
 *   norm, dist, cdist, pdist, softmax, softmin, logSoftmax, softplus, layerNorm, groupNorm, normalize, cosineSimilarity and the losses;
 * - to the widest of their operands' dtypes: dot, tensordot, cross, bilinear, addcmul, addcdiv, atan2, scatterAdd, cat, stack; add
 *   and its like promote as always.
 *
 * `binaryCrossEntropy` throws: its probabilities do not fit into float16; `binaryCrossEntropyWithLogits` is safe. Parameters are
 * converted once in a scope. float64 is left alone. Gradients come in the dtype of what they belong to, so parameters stay
 * float32; call `backward` outside of `fn`, with a loss that a `GradScaler` has scaled.
 *
 *     const loss = autocast(() => F.crossEntropy(model(x), y));
 */
export function autocast<T>(fn: () => T, options: AutocastOptions = {}): T {
  const { dtype = 'float16', enabled = true, device = null } = options;
  if (dtype !== 'float16') throw new ValueError(`autocast: dtype must be 'float16', got '${String(dtype)}'`);
  return within(enabled ? { dtype, device, weights: new Map() } : null, fn);
}

/** `fn` as it would run now: under the autocast of this moment, whatever is on when it is called. */
export function withPresentAutocast<A extends readonly unknown[], T>(
  fn: (...args: A) => T,
): (...args: A) => T {
  const present = scope;
  return (...args) => within(present, () => fn(...args));
}

/** Runs an op that no list names: whatever it is made of, its dtypes are those of its operands. */
export const unlisted = <T>(fn: () => T): T => (scope ? within(null, fn) : fn());

const isAffected = ({ dtype, device }: Node, { device: only }: Scope): boolean =>
  (dtype === 'float32' || dtype === 'float16') && (!only || !device || device === only);

/** An operand of an op that autocast computes in the lower precision. */
export function lowered(x: Node): Node {
  if (!scope || x.dtype === scope.dtype || !isAffected(x, scope)) return x;
  if (!x.variable) return cast(x, scope.dtype);
  const known = scope.weights.get(x);
  // What was converted without a tape has none.
  if (known && known.requiresGrad === (x.requiresGrad && isGradEnabled())) return known;
  const fresh = cast(x, scope.dtype);
  scope.weights.set(x, fresh);
  return fresh;
}

/** An operand of an op that autocast computes in float32. */
export const raised = (x: Node): Node => (scope && isAffected(x, scope) ? cast(x, 'float32') : x);

/** Operands of an op that autocast computes in the widest of their dtypes. */
export function widened(nodes: readonly Node[]): readonly Node[] {
  const at = scope;
  if (!at) return nodes;
  const floats = nodes.filter((x) => isFloat(x.dtype));
  if (floats.length === 0) return nodes;
  const widest = floats.map((x) => x.dtype).reduce(promoteTypes);
  return nodes.map((x) => (isAffected(x, at) ? cast(x, widest) : x));
}
