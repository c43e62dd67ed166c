import { arange, type DType, noGrad, type Shape, type Tensor, where } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import { embedding, paddingRow } from '../functional/embedding.js';
import { normal_ } from '../init/simple.js';
import { deviceOf } from '../like.js';
import { Module } from '../module/module.js';
import { Parameter } from '../parameter.js';
import type { EmbeddingFn } from '../types/shape-fn.js';
import { FACTORY, type FactoryOptions, newParameter } from './factory.js';
import { checkSizes } from './sizes.js';

export interface EmbeddingOptions extends FactoryOptions {
  /** A row that starts as zeros and gets no gradient; negative counts from the end. */
  paddingIdx?: number | null;
}

/**
 * A table of vectors: integers [...] → [..., embeddingDim]. The weight [numEmbeddings, embeddingDim] starts
 * standard normal. https://pytorch.org/docs/1.13/generated/torch.nn.Embedding.html
 */
export class Embedding<E extends number = number> extends Module {
  /** Only a type: what the layer does to shapes. */
  declare readonly shapeFn?: EmbeddingFn<E>;
  readonly numEmbeddings: number;
  readonly embeddingDim: E;
  readonly paddingIdx: number | null;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: E, ...rest: Arguments<EmbeddingOptions, ['paddingIdx']>) {
    super();
    const options = readArguments<EmbeddingOptions>('Embedding', ['paddingIdx'], FACTORY, rest);
    checkSizes('Embedding', { numEmbeddings, embeddingDim });
    const { paddingIdx = null } = options;
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingIdx === null ? null : paddingRow('Embedding', paddingIdx, numEmbeddings);
    this.weight = newParameter([numEmbeddings, embeddingDim], options);
    this.resetParameters();
  }

  /** Makes a layer of a given table, frozen unless `freeze: false`. */
  static fromPretrained(
    embeddings: Tensor,
    { freeze = true, paddingIdx }: { freeze?: boolean; paddingIdx?: number | null } = {},
  ): Embedding {
    const layer = new Embedding(embeddings.shape[0], embeddings.shape[1], { paddingIdx });
    layer.weight = new Parameter(embeddings, { requiresGrad: !freeze });
    return layer;
  }

  /** Draws new initial values. */
  resetParameters(): void {
    const { weight, paddingIdx } = this;
    normal_(weight);
    if (paddingIdx === null) return;
    noGrad(() => {
      const rows = arange(this.numEmbeddings, { dtype: 'int32', device: deviceOf(weight) }).unsqueeze(1);
      weight.copy_(where(rows.eq(paddingIdx), 0, weight));
    });
  }

  forward<S extends Shape>(indices: Tensor<S>): Tensor<readonly [...S, E], DType> {
    return embedding(indices as Tensor, this.weight, { paddingIdx: this.paddingIdx }) as Tensor as Tensor<
      readonly [...S, E],
      DType
    >;
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, padding_idx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`;
  }
}
