import { type Generator, type Tensor, ValueError } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { dropout, dropout1d, dropout2d, dropout3d } from '../functional/dropout.js';
import { Layer } from '../module/module.js';
import type { SameShape } from '../types/shape-fn.js';

export interface DropoutLayerOptions {
  /** Probability of an element (or channel) to become zero. */
  p?: number;
  /** Where the mask's bits come from; the default generator if left out. */
  generator?: Generator;
}

type DropoutArguments = Arguments<DropoutLayerOptions, ['p']>;

/**
 * In training: zeroes with probability p and multiplies the rest by 1/(1 − p); in evaluation: the identity.
 * Any shape.
 */
abstract class DropoutBase extends Layer<SameShape> {
  readonly p: number;
  readonly generator: Generator | undefined;

  constructor(...rest: DropoutArguments) {
    super();
    const name = this.constructor.name;
    const { p = 0.5, generator } = readArguments<DropoutLayerOptions>(name, ['p'], ['generator'], rest);
    if (!(p >= 0 && p <= 1)) throw new ValueError(`${name}: p must be between 0 and 1, got ${p}`);
    this.p = p;
    this.generator = generator;
  }

  override extraRepr(): string {
    return `p=${this.p}, inplace=False`;
  }
}

/**
 * Drops single elements. Srivastava et al. 2014;
 * https://pytorch.org/docs/1.13/generated/torch.nn.Dropout.html
 */
export class Dropout extends DropoutBase {
  forward(input: Tensor): Tensor {
    return dropout(input, { p: this.p, training: this.training, generator: this.generator });
  }
}

/**
 * Drops whole channels of [N, C, L] or [C, L].
 * https://pytorch.org/docs/1.13/generated/torch.nn.Dropout1d.html
 */
export class Dropout1d extends DropoutBase {
  forward(input: Tensor): Tensor {
    return dropout1d(input, { p: this.p, training: this.training, generator: this.generator });
  }
}

/**
 * Drops whole channels of [N, C, H, W] or [C, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.Dropout2d.html
 */
export class Dropout2d extends DropoutBase {
  forward(input: Tensor): Tensor {
    return dropout2d(input, { p: this.p, training: this.training, generator: this.generator });
  }
}

/**
 * Drops whole channels of [N, C, D, H, W] or [C, D, H, W].
 * https://pytorch.org/docs/1.13/generated/torch.nn.Dropout3d.html
 */
export class Dropout3d extends DropoutBase {
  forward(input: Tensor): Tensor {
    return dropout3d(input, { p: this.p, training: this.training, generator: this.generator });
  }
}
