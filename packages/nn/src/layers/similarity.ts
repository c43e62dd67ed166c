import type { Tensor } from '@neurite/tensor';
import { type Arguments, readArguments } from '../arguments.js';
import {
  type CosineSimilarityOptions,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from '../functional/similarity.js';
import { Module } from '../module/module.js';

const COSINE_ORDER = ['dim', 'eps'] as const;
const DISTANCE_ORDER = ['p', 'eps', 'keepdim'] as const;

/** Cosine of the angle between vectors along `dim`. https://pytorch.org/docs/1.13/generated/torch.nn.CosineSimilarity.html */
export class CosineSimilarity extends Module {
  readonly #options: CosineSimilarityOptions;

  constructor(...rest: Arguments<CosineSimilarityOptions, typeof COSINE_ORDER>) {
    super();
    this.#options = readArguments<CosineSimilarityOptions>('CosineSimilarity', COSINE_ORDER, [], rest);
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, this.#options);
  }
}

/** Distance of vectors in the last dimension. https://pytorch.org/docs/1.13/generated/torch.nn.PairwiseDistance.html */
export class PairwiseDistance extends Module {
  readonly #options: PairwiseDistanceOptions;

  constructor(...rest: Arguments<PairwiseDistanceOptions, typeof DISTANCE_ORDER>) {
    super();
    this.#options = readArguments<PairwiseDistanceOptions>('PairwiseDistance', DISTANCE_ORDER, [], rest);
  }

  forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, this.#options);
  }
}
