import { keep, NeuriteError, noGrad, scalarInput, Tensor, tensor, ValueError } from '@neurite/tensor';

export interface ClipGradNormOptions {
  /** p of the p-norm; `Infinity` for the largest absolute value. Default 2. */
  readonly normType?: number;
  /** Reads the norm and throws when it is NaN or infinite, instead of scaling with it. Default false. */
  readonly errorIfNonfinite?: boolean;
}

type Parameters = Tensor | Iterable<Tensor>;

/**
 * Scales all gradients so that their common norm is at most `maxNorm` (PyTorch's `clip_grad_norm_`):
 * grad · min(1, maxNorm / (norm + 1e-6)).
 *
 * @returns the norm before scaling, shape []. It is computed with the next step; nothing is read from the device, unless
 *   `errorIfNonfinite` asks for it.
 */
export function clipGradNorm(
  parameters: Parameters,
  maxNorm: number,
  options: ClipGradNormOptions & { readonly errorIfNonfinite: true },
): Promise<Tensor>;
export function clipGradNorm(
  parameters: Parameters,
  maxNorm: number,
  options?: ClipGradNormOptions & { readonly errorIfNonfinite?: false },
): Tensor;
export function clipGradNorm(
  parameters: Parameters,
  maxNorm: number,
  options: ClipGradNormOptions = {},
): Tensor | Promise<Tensor> {
  const { normType = 2, errorIfNonfinite = false } = options;
  if (!(maxNorm >= 0)) throw new ValueError(`clipGradNorm: maxNorm is ${maxNorm}, expected a number ≥ 0`);
  if (!(normType > 0))
    throw new ValueError(`clipGradNorm: normType is ${normType}, expected a number > 0 or Infinity`);
  const gradients = gradientsOf(parameters);
  const norm = noGrad(() => totalNorm(gradients, normType));
  const scale = (): Tensor => {
    noGrad(() => {
      // min(1, …) and not a comparison on the host: reading the norm would wait for the backward pass.
      const factor = scalarInput(maxNorm).div(norm.add(1e-6)).clamp({ max: 1 });
      for (const gradient of gradients) gradient.mul_(factor.to(gradient.dtype));
    });
    keep(norm);
    return norm;
  };
  if (!errorIfNonfinite) return scale();
  return norm.item().then((value) => {
    if (!Number.isFinite(value)) {
      throw new NeuriteError(
        `clipGradNorm: the total norm of order ${normType} of the gradients is ${value}, so they cannot be clipped`,
      );
    }
    return scale();
  });
}

/** Clamps every element of all gradients to [−clipValue, clipValue] (PyTorch's `clip_grad_value_`). */
export function clipGradValue(parameters: Parameters, clipValue: number): void {
  if (!(clipValue >= 0))
    throw new ValueError(`clipGradValue: clipValue is ${clipValue}, expected a number ≥ 0`);
  noGrad(() => {
    for (const gradient of gradientsOf(parameters)) {
      const limit = scalarInput(clipValue, gradient.dtype);
      gradient.copy_(gradient.minimum(limit).maximum(limit.neg()));
    }
  });
}

const gradientsOf = (parameters: Parameters): Tensor[] =>
  (parameters instanceof Tensor ? [parameters] : [...parameters]).flatMap(({ grad }) => (grad ? [grad] : []));

function totalNorm(gradients: readonly Tensor[], normType: number): Tensor {
  if (gradients.length === 0) return tensor(0);
  const sizes = gradients.map((gradient) => gradient.detach().abs());
  if (normType === Number.POSITIVE_INFINITY) {
    return sizes.map((size) => size.amax()).reduce((a, b) => a.maximum(b));
  }
  if (normType === 1) return sizes.map((size) => size.sum()).reduce((a, b) => a.add(b));
  if (normType === 2)
    return sizes
      .map((size) => size.mul(size).sum())
      .reduce((a, b) => a.add(b))
      .sqrt();
  return sizes
    .map((size) => size.pow(normType).sum())
    .reduce((a, b) => a.add(b))
    .pow(1 / normType);
}
