import { ShapeError, type Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { type RReluOptions, rrelu } from '../functional/dropout.js';
import { glu, logSoftmax, softmax, softmin } from '../functional/softmax.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { SameShape, UnknownShape } from '../types/shape-fn.js';

export interface DimOptions {
  /** Left out, it is 0 for 0, 1 and 3 dimensions and 1 otherwise. */
  dim?: number | null;
}

/** What the softmax family shares: the dimension. */
abstract class SoftmaxBase extends Layer<SameShape> {
  readonly dim: number | null;

  constructor(...rest: Arguments<DimOptions, ['dim']>) {
    super();
    this.dim = readArguments<DimOptions>(this.constructor.name, ['dim'], [], rest).dim ?? null;
  }

  override extraRepr(): string {
    return `dim=${pythonic(this.dim)}`;
  }
}

/** exp(xᵢ) / Σⱼ exp(xⱼ) along `dim`. https://pytorch.org/docs/1.13/generated/torch.nn.Softmax.html */
export class Softmax extends SoftmaxBase {
  forward(input: Tensor): Tensor {
    return softmax(input, this.dim);
  }
}

/** log softmax(x) along `dim`. https://pytorch.org/docs/1.13/generated/torch.nn.LogSoftmax.html */
export class LogSoftmax extends SoftmaxBase {
  forward(input: Tensor): Tensor {
    return logSoftmax(input, this.dim);
  }
}

/** softmax(−x) along `dim`. https://pytorch.org/docs/1.13/generated/torch.nn.Softmin.html */
export class Softmin extends SoftmaxBase {
  forward(input: Tensor): Tensor {
    return softmin(input, this.dim);
  }
}

/**
 * Softmax over the channels of [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.Softmax2d.html
 */
export class Softmax2d extends Layer<SameShape> {
  forward(input: Tensor): Tensor {
    if (input.ndim !== 3 && input.ndim !== 4) {
      throw new ShapeError(`Softmax2d: takes 3 or 4 dimensions, got [${input.shape.join(', ')}]`);
    }
    return softmax(input, -3);
  }
}

/**
 * a·σ(b), a and b being the halves along `dim` = −1.
 * https://pytorch.org/docs/1.13/generated/torch.nn.GLU.html
 */
export class GLU extends Layer<UnknownShape> {
  readonly dim: number;

  constructor(...rest: Arguments<{ dim?: number }, ['dim']>) {
    super();
    this.dim = readArguments<{ dim?: number }>('GLU', ['dim'], [], rest).dim ?? -1;
  }

  forward(input: Tensor): Tensor {
    return glu(input, this.dim);
  }

  override extraRepr(): string {
    return `dim=${this.dim}`;
  }
}

/**
 * Leaky ReLU whose slope is drawn in training. https://pytorch.org/docs/1.13/generated/torch.nn.RReLU.html
 */
export class RReLU extends Layer<SameShape> {
  readonly lower: number;
  readonly upper: number;

  constructor(...rest: Arguments<Pick<RReluOptions, 'lower' | 'upper'>, ['lower', 'upper']>) {
    super();
    const options = readArguments<Pick<RReluOptions, 'lower' | 'upper'>>(
      'RReLU',
      ['lower', 'upper'],
      [],
      rest,
    );
    this.lower = options.lower ?? 1 / 8;
    this.upper = options.upper ?? 1 / 3;
  }

  forward(input: Tensor): Tensor {
    return rrelu(input, this.lower, this.upper, this.training);
  }

  override extraRepr(): string {
    return `lower=${this.lower}, upper=${this.upper}`;
  }
}
