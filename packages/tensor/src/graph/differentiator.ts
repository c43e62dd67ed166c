/** The slot that `@neurite/autograd` fills when it is imported. */
import { AutogradError } from '../errors.js';
import type { Tensor } from '../tensor.js';

export interface BackwardOptions {
  /** Keep the graph for another `backward`; by default it is freed, or kept when `createGraph` is set. */
  readonly retainGraph?: boolean;
  /** Record the gradients themselves, for higher derivatives. */
  readonly createGraph?: boolean;
  /** Accumulate only into these; all leaves by default. */
  readonly inputs?: readonly Tensor[];
}

export interface Differentiator {
  /** Adds the gradients of `root` to the `grad` of the leaves that it depends on. */
  backward(root: Tensor, gradient: Tensor | undefined, options: BackwardOptions): void;
}

let registered: Differentiator | null = null;

/** Makes `tensor.backward()` work. */
export function registerDifferentiator(differentiator: Differentiator): void {
  registered = differentiator;
}

/** The registered differentiator; throws AutogradError when there is none. */
export function getDifferentiator(): Differentiator {
  if (!registered) throw new AutogradError("backward: no differentiator; import '@neurite/autograd'");
  return registered;
}
