import { type DType, type Shape, ShapeError, type Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';

export interface SoftmaxOptions {
  /** Left out, it is PyTorch's implicit choice: 0 for 0, 1 and 3 dimensions, 1 otherwise. */
  dim?: number | null;
  /** Casts the input first. */
  dtype?: DType | null;
}

type SoftmaxArguments = Arguments<SoftmaxOptions, ['dim']>;

function prepare(name: string, input: Tensor, rest: SoftmaxArguments): [Tensor, number] {
  const { dim, dtype } = readArguments<SoftmaxOptions>(name, ['dim'], ['dtype'], rest);
  const implicit = input.ndim === 0 || input.ndim === 1 || input.ndim === 3 ? 0 : 1;
  return [dtype ? input.to(dtype) : input, dim ?? implicit];
}

/**
 * exp(xᵢ) / Σⱼ exp(xⱼ) along `dim`. https://pytorch.org/docs/1.13/generated/torch.nn.functional.softmax.html
 */
export function softmax<S extends Shape>(input: Tensor<S>, ...rest: SoftmaxArguments): Tensor<S> {
  const [x, dim] = prepare('softmax', input, rest);
  return x.softmax(dim) as Tensor<S>;
}

/**
 * log softmax(x), computed without forming the softmax.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.log_softmax.html
 */
export function logSoftmax<S extends Shape>(input: Tensor<S>, ...rest: SoftmaxArguments): Tensor<S> {
  const [x, dim] = prepare('logSoftmax', input, rest);
  return x.logSoftmax(dim) as Tensor<S>;
}

/** softmax(−x). https://pytorch.org/docs/1.13/generated/torch.nn.functional.softmin.html */
export function softmin<S extends Shape>(input: Tensor<S>, ...rest: SoftmaxArguments): Tensor<S> {
  const [x, dim] = prepare('softmin', input, rest);
  return x.neg().softmax(dim) as Tensor<S>;
}

/**
 * a·σ(b) where a and b are the halves of the input along `dim`, −1 by default.
 * https://pytorch.org/docs/1.13/generated/torch.nn.functional.glu.html
 */
export function glu(input: Tensor, ...rest: Arguments<{ dim?: number }, ['dim']>): Tensor {
  const { dim = -1 } = readArguments<{ dim?: number }>('glu', ['dim'], [], rest);
  const size = input.shape.at(dim) ?? 0;
  if (input.ndim === 0 || size % 2 !== 0) {
    throw new ShapeError(
      `glu: dimension ${dim} of [${input.shape.join(', ')}] has ${size} elements and cannot be halved`,
    );
  }
  return input.narrow(dim, 0, size / 2).mul(input.narrow(dim, size / 2, size / 2).sigmoid());
}
