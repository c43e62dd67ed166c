import { type Tensor, ValueError } from '@neurite/tensor';
import { type PadMode, pad } from '../functional/pad.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { PoolFn } from '../types/shape-fn.js';

/** One amount for every side, or [low, high] of the last dimension, then of the one before it, … */
export type PaddingSizes = number | readonly number[];

/** Padding layers: [N, C, x…] or [C, x…] → the same with larger spatial sizes; see {@link pad}. */
abstract class PadNd<N extends 1 | 2 | 3> extends Layer<PoolFn<N>> {
  readonly padding: readonly number[];

  constructor(
    spatialDims: N,
    padding: PaddingSizes,
    private readonly mode: PadMode,
    readonly value = 0,
  ) {
    super();
    this.padding = typeof padding === 'number' ? Array<number>(2 * spatialDims).fill(padding) : padding;
    if (this.padding.length !== 2 * spatialDims) {
      throw new ValueError(
        `${this.constructor.name}: padding must be one number or ${2 * spatialDims}, got [${this.padding.join(', ')}]`,
      );
    }
  }

  forward(input: Tensor): Tensor {
    return pad(input, this.padding, this.mode, this.value);
  }

  override extraRepr(): string {
    const sizes = pythonic(this.padding);
    return this.constructor.name.startsWith('Constant') ? `padding=${sizes}, value=${this.value}` : sizes;
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ConstantPad1d.html */
export class ConstantPad1d extends PadNd<1> {
  constructor(padding: PaddingSizes, value: number) {
    super(1, padding, 'constant', value);
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ConstantPad2d.html */
export class ConstantPad2d extends PadNd<2> {
  constructor(padding: PaddingSizes, value: number) {
    super(2, padding, 'constant', value);
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ConstantPad3d.html */
export class ConstantPad3d extends PadNd<3> {
  constructor(padding: PaddingSizes, value: number) {
    super(3, padding, 'constant', value);
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ZeroPad2d.html */
export class ZeroPad2d extends PadNd<2> {
  constructor(padding: PaddingSizes) {
    super(2, padding, 'constant');
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ReflectionPad1d.html */
export class ReflectionPad1d extends PadNd<1> {
  constructor(padding: PaddingSizes) {
    super(1, padding, 'reflect');
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ReflectionPad2d.html */
export class ReflectionPad2d extends PadNd<2> {
  constructor(padding: PaddingSizes) {
    super(2, padding, 'reflect');
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ReflectionPad3d.html */
export class ReflectionPad3d extends PadNd<3> {
  constructor(padding: PaddingSizes) {
    super(3, padding, 'reflect');
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ReplicationPad1d.html */
export class ReplicationPad1d extends PadNd<1> {
  constructor(padding: PaddingSizes) {
    super(1, padding, 'replicate');
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ReplicationPad2d.html */
export class ReplicationPad2d extends PadNd<2> {
  constructor(padding: PaddingSizes) {
    super(2, padding, 'replicate');
  }
}

/** https://pytorch.org/docs/1.13/generated/torch.nn.ReplicationPad3d.html */
export class ReplicationPad3d extends PadNd<3> {
  constructor(padding: PaddingSizes) {
    super(3, padding, 'replicate');
  }
}
