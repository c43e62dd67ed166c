import type { Tensor } from '@neurite/tensor';
import { pixelShuffle, pixelUnshuffle } from '../functional/pixel-shuffle.js';
import { Layer } from '../module/module.js';
import type { UnknownShape } from '../types/shape-fn.js';

/** [..., C·r², H, W] → [..., C, H·r, W·r]. https://pytorch.org/docs/1.13/generated/torch.nn.PixelShuffle.html */
export class PixelShuffle extends Layer<UnknownShape> {
  constructor(readonly upscaleFactor: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    return pixelShuffle(input, this.upscaleFactor);
  }

  override extraRepr(): string {
    return `upscale_factor=${this.upscaleFactor}`;
  }
}

/** [..., C, H·r, W·r] → [..., C·r², H, W]. https://pytorch.org/docs/1.13/generated/torch.nn.PixelUnshuffle.html */
export class PixelUnshuffle extends Layer<UnknownShape> {
  constructor(readonly downscaleFactor: number) {
    super();
  }

  forward(input: Tensor): Tensor {
    return pixelUnshuffle(input, this.downscaleFactor);
  }

  override extraRepr(): string {
    return `downscale_factor=${this.downscaleFactor}`;
  }
}
