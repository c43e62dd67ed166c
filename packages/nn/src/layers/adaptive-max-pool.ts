import type { Tensor } from '@neurite/tensor';
import type { OutputSize } from '../functional/adaptive-avg-pool.js';
import { adaptiveMaxPool1d, adaptiveMaxPool2d, adaptiveMaxPool3d } from '../functional/adaptive-max-pool.js';
import { Layer } from '../module/module.js';
import { pythonic } from '../module/repr.js';
import type { UnknownShape } from '../types/shape-fn.js';

/** Maxima over regions; with indices it is {@link adaptiveMaxPool2d} and its like that one calls. */
abstract class AdaptiveMaxPoolNd extends Layer<UnknownShape> {
  constructor(readonly outputSize: OutputSize) {
    super();
  }

  override extraRepr(): string {
    return `output_size=${pythonic(this.outputSize)}`;
  }
}

/** See {@link AdaptiveMaxPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AdaptiveMaxPool1d.html */
export class AdaptiveMaxPool1d extends AdaptiveMaxPoolNd {
  forward(input: Tensor): Tensor {
    return adaptiveMaxPool1d(input, this.outputSize) as Tensor;
  }
}

/** See {@link AdaptiveMaxPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AdaptiveMaxPool2d.html */
export class AdaptiveMaxPool2d extends AdaptiveMaxPoolNd {
  forward(input: Tensor): Tensor {
    return adaptiveMaxPool2d(input, this.outputSize) as Tensor;
  }
}

/** See {@link AdaptiveMaxPoolNd}. https://pytorch.org/docs/1.13/generated/torch.nn.AdaptiveMaxPool3d.html */
export class AdaptiveMaxPool3d extends AdaptiveMaxPoolNd {
  forward(input: Tensor): Tensor {
    return adaptiveMaxPool3d(input, this.outputSize) as Tensor;
  }
}
