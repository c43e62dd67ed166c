import { type Device, type DType, guard, isFloat, keep, settle, Tensor } from '@neurite/tensor';
import { addHook, type ForwardHook, type ForwardPreHook, type HookHandle } from './hooks.js';
import { printModule } from './repr.js';
import {
  collectState,
  type IncompatibleKeys,
  type LoadOptions,
  loadState,
  type StateDict,
} from './state-dict.js';
import { type Summary, type SummaryOptions, summarize } from './summary.js';
import { ModuleTree } from './tree.js';

/**
 * How deep the running calls of modules are nested; what the outermost one returns is kept for the user to
 * read.
 */
let depth = 0;

/** The run-time class of all modules; users see it as `Module` or, with a typed call, as `Layer`. */
export abstract class ModuleBase extends ModuleTree {
  /** Set by `train()` and `eval()`: layers such as Dropout and BatchNorm act on it. */
  training = true;

  readonly #preHooks = new Set<{ readonly run: ForwardPreHook }>();
  readonly #hooks = new Set<{ readonly run: ForwardHook }>();

  /**
   * Runs the pre-hooks, `forward` and the hooks: what calling the module does. The tensors that the outermost
   * call returns are kept through the next optimizer step, so that they can be read after it.
   */
  override invoke(args: readonly unknown[]): unknown {
    depth++;
    guard('the mode of a module', () => this.training);
    let output: unknown;
    try {
      for (const hook of this.#preHooks) {
        const replaced = hook.run(this, args);
        if (replaced !== undefined) args = Array.isArray(replaced) ? replaced : [replaced];
      }
      output = this.#forward(args);
      for (const hook of this.#hooks) {
        const replaced = hook.run(this, args, output);
        if (replaced !== undefined) output = replaced;
      }
    } finally {
      depth--;
    }
    if (depth === 0) keep(...tensorsIn(output));
    return output;
  }

  #forward(args: readonly unknown[]): unknown {
    const self = this as unknown as { forward?: (...args: readonly unknown[]) => unknown };
    if (typeof self.forward !== 'function') throw new TypeError(`${this.constructor.name} has no forward()`);
    return self.forward(...args);
  }

  /** Registers a function that runs after every `forward` of a call of this module. */
  registerForwardHook(hook: ForwardHook): HookHandle {
    return addHook(this.#hooks, hook);
  }

  /** Registers a function that runs before every `forward` of a call of this module. */
  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return addHook(this.#preHooks, hook);
  }

  /** Puts this module and all below it into training mode (or, with `false`, into evaluation mode). */
  train(mode = true): this {
    for (const module of this.modules()) (module as ModuleBase).training = mode;
    return this;
  }

  /** Puts this module and all below it into evaluation mode. */
  eval(): this {
    return this.train(false);
  }

  /** Makes all parameters take part in gradients or not: `false` freezes the module. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(requiresGrad);
    return this;
  }

  /** Sets the gradient of every parameter to null. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /**
   * Calls `fn` on every module below this one, children first, and on this one last: PyTorch's way to
   * initialise.
   */
  apply(fn: (module: ModuleBase) => void): this {
    for (const child of this.children()) (child as ModuleBase).apply(fn);
    fn(this);
    return this;
  }

  /**
   * Moves parameters and buffers to a device, or casts the floating-point ones to a dtype. The parameters
   * remain the same objects, so an optimizer made before goes on with them.
   */
  to(target: Device | DType): this {
    for (const value of [...this.parameters(), ...this.buffers()]) {
      if (
        typeof target === 'string' ? !isFloat(value.dtype) || value.dtype === target : value.device === target
      )
        continue;
      const { requiresGrad, grad } = value;
      value.node = value.detach().to(target as DType).node;
      value.requiresGrad = requiresGrad;
      // As PyTorch does: a gradient follows its parameter.
      if (grad) value.grad = grad.detach().to(target as DType);
      settle(value);
    }
    return this;
  }

  /** Casts the floating-point parameters and buffers to float16. */
  half(): this {
    return this.to('float16');
  }
  /** Casts the floating-point parameters and buffers to float32. */
  float(): this {
    return this.to('float32');
  }
  /** Casts the floating-point parameters and buffers to float64. */
  double(): this {
    return this.to('float64');
  }

  /** Parameters and persistent buffers by PyTorch's keys; see {@link collectState}. */
  stateDict(): StateDict {
    return collectState(this);
  }

  /** Copies a state dict into this module; see {@link loadState}. */
  loadStateDict(state: Readonly<StateDict>, options?: LoadOptions): IncompatibleKeys {
    return loadState(this, state, options);
  }

  /**
   * A table of every module's output shape, parameters and floating-point operations for an input of this
   * shape (batch dimension included). Shapes follow from the recorded graph: nothing is computed.
   * `console.log` prints it.
   */
  summary(inputShape: readonly number[] | readonly (readonly number[])[], options?: SummaryOptions): Summary {
    depth++;
    try {
      return summarize(this, inputShape, options);
    } finally {
      depth--;
    }
  }

  /** What stands between the brackets of the printed form; subclasses say their sizes here. */
  extraRepr(): string {
    return '';
  }

  /** PyTorch's printed form. */
  override toString(): string {
    return printModule(this);
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.values(value).flatMap(tensorsIn);
  }
  return [];
}
