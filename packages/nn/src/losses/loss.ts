import { Tensor } from '@neurite/tensor';
import { Module } from '../module/module.js';

/**
 * A loss as a module: keeps the options of the function that computes it. A tensor among them is a buffer, as
 * in PyTorch.
 */
export abstract class Loss<O extends object> extends Module {
  readonly #options: O;

  constructor(options: O) {
    super();
    this.#options = options;
    for (const [name, value] of Object.entries(options))
      if (value instanceof Tensor) this.registerBuffer(name, value);
  }

  /** The options, with the buffers as they are now: `to` or a user may have replaced them. */
  protected get options(): O {
    const fields = this as unknown as Record<string, unknown>;
    const entries = Object.entries(this.#options).map(([name, value]) => [
      name,
      value instanceof Tensor ? fields[name] : value,
    ]);
    return Object.fromEntries(entries) as O;
  }
}
