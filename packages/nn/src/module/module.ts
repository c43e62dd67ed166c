import type { DType, Shape, Tensor } from '@neurite/tensor';
import type { Apply, AsShape, Complaint, ShapeFn } from '../types/shape-fn.js';
import { ModuleBase } from './base.js';

/** The methods that give or take modules, with the type that users know. */
interface ModuleMethods extends ModuleBase {
  namedModules(prefix?: string): [string, Module][];
  modules(): Module[];
  namedChildren(): [string, Module][];
  children(): Module[];
  apply(fn: (module: Module) => void): this;
}

/**
 * Base class of networks and layers, as PyTorch's `nn.Module`: fields that hold parameters or modules are
 * registered by being assigned, the class defines `forward`, and an instance is called like a function.
 *
 * ```ts
 * class SimpleModel extends Module {
 *   fc1 = new Linear(64, 32);
 *   fc2 = new Linear(32, 10);
 *   forward(x: Tensor) {
 *     return this.fc2(relu(this.fc1(x)));
 *   }
 * }
 * const model = new SimpleModel();
 * const y = model(x);
 * ```
 *
 * `model(x)` has the types of `forward` and runs the hooks; `model.forward(x)` does not run them.
 */
export interface Module extends ModuleMethods {
  (
    // biome-ignore lint/suspicious/noExplicitAny: a module of unknown class takes and returns anything.
    ...args: this extends { forward(...args: infer A): unknown } ? A : any[]
    // biome-ignore lint/suspicious/noExplicitAny: see above.
  ): this extends { forward(...args: any[]): infer R } ? R : any;
}

export const Module = ModuleBase as unknown as abstract new () => Module;

/**
 * A module of one tensor to one tensor whose effect on shapes is known to the compiler: calling it with a
 * literal shape that does not fit is a compile error, and so is a `Sequential` of layers that do not fit.
 */
export interface Layer<F extends ShapeFn> extends ModuleMethods {
  /** Only a type: what the layer does to shapes. */
  readonly shapeFn?: F;
  <S extends Shape, D extends DType>(
    input: Tensor<S, D> & Complaint<Apply<F, S>>,
  ): Tensor<AsShape<Apply<F, S>>, D>;
}

export const Layer = ModuleBase as unknown as abstract new <F extends ShapeFn>() => Layer<F>;
