import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { FlattenFn, SameShape, UnknownShape } from '../types/shape-fn.js';

export interface FlattenOptions {
  startDim?: number;
  endDim?: number;
}

/**
 * Joins the dimensions from startDim = 1 to endDim = −1 into one: [N, …] → [N, product].
 * https://pytorch.org/docs/1.13/generated/torch.nn.Flatten.html
 */
export class Flatten<A extends Arguments<FlattenOptions, ['startDim', 'endDim']> = []> extends Layer<
  A extends [] ? FlattenFn : UnknownShape
> {
  readonly startDim: number;
  readonly endDim: number;

  constructor(...rest: A) {
    super();
    const { startDim = 1, endDim = -1 } = readArguments<FlattenOptions>(
      'Flatten',
      ['startDim', 'endDim'],
      [],
      rest,
    );
    this.startDim = startDim;
    this.endDim = endDim;
  }

  forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `start_dim=${this.startDim}, end_dim=${this.endDim}`;
  }
}

/**
 * Splits dimension `dim` into several sizes. https://pytorch.org/docs/1.13/generated/torch.nn.Unflatten.html
 */
export class Unflatten extends Layer<UnknownShape> {
  constructor(
    readonly dim: number,
    readonly unflattenedSize: readonly number[],
  ) {
    super();
  }

  forward(input: Tensor): Tensor {
    return input.unflatten(this.dim, this.unflattenedSize);
  }

  override extraRepr(): string {
    return `dim=${this.dim}, unflattened_size=${pythonic(this.unflattenedSize)}`;
  }
}

/**
 * Hands its input on; arguments of the constructor are ignored.
 * https://pytorch.org/docs/1.13/generated/torch.nn.Identity.html
 */
export class Identity extends Layer<SameShape> {
  constructor(..._ignored: unknown[]) {
    super();
  }

  forward(input: Tensor): Tensor {
    return input;
  }
}
