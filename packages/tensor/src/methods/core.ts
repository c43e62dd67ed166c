/** What a tensor is: a handle on a graph node, with a place for its gradient. */
import { type DType, isFloat } from '../dtype.js';
import { AutogradError, DTypeError } from '../errors.js';
import { type BackwardOptions, getDifferentiator } from '../graph/differentiator.js';
import { type Node, type NodeHook, sizeOf } from '../graph/node.js';
import { observer } from '../graph/observer.js';
import type { DeviceHandle } from '../graph/storage.js';
import { bindVariable, ownNode } from '../graph/variable.js';
import { detach } from '../ops/movement.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';
import { wrap } from './wrap.js';

/** Sees a gradient on its way; what it returns, if anything, takes the gradient's place. */
export type TensorHook = ((gradient: Tensor) => Tensor | undefined) | ((gradient: Tensor) => void);

export abstract class TensorCore<S extends Shape, D extends DType> {
  /** Behind `node` and `grad`, for who watches them. */
  current: Node;
  gradient: Tensor<S, D> | null = null;

  constructor(node: Node) {
    this.current = node;
    if (observer) observer.makes(this);
  }

  /** The graph node that this handle stands for; in-place methods and optimizers move the handle to another one. */
  get node(): Node {
    if (observer) observer.reads(this);
    return this.current;
  }
  set node(node: Node) {
    if (observer) observer.moves(this);
    this.current = node;
  }

  /** The accumulated gradient of a leaf that requires gradients. */
  get grad(): Tensor<S, D> | null {
    if (observer) observer.readsGradient(this);
    return this.gradient;
  }
  set grad(gradient: Tensor<S, D> | null) {
    if (observer) observer.movesGradient(this);
    this.gradient = gradient;
  }

  /** Sizes of the dimensions. */
  get shape(): S {
    return this.node.shape as Shape as S;
  }
  get dtype(): D {
    return this.node.dtype as D;
  }
  /** Number of dimensions. */
  get ndim(): number {
    return this.node.shape.length;
  }
  /** Number of elements. */
  get numel(): number {
    return sizeOf(this.node.shape);
  }
  /** The device it is bound to; null means the default device of the moment when it is computed. */
  get device(): DeviceHandle | null {
    return this.node.device;
  }

  /** Whether `backward` computes a gradient for it. Settable on leaves of float dtype. */
  get requiresGrad(): boolean {
    return this.node.requiresGrad;
  }
  set requiresGrad(on: boolean) {
    if (on === this.node.requiresGrad) return;
    if (!this.isLeaf)
      throw new AutogradError(
        'requiresGrad: only leaf tensors can change it; detach() gives a leaf without history',
      );
    if (!on) {
      this.node.requiresGrad = false;
      this.node.variable = null;
      return;
    }
    if (!isFloat(this.node.dtype))
      throw new DTypeError(`requiresGrad: only float tensors can require gradients, got ${this.node.dtype}`);
    // A node of its own: another handle on the old node must not begin to require gradients.
    bindVariable(this.self(), ownNode(this.node));
  }

  /** Sets `requiresGrad` and returns the tensor. */
  requiresGrad_(on = true): this {
    this.requiresGrad = on;
    return this;
  }

  /** Whether no recorded op made it, as far as gradients go. */
  get isLeaf(): boolean {
    return !this.node.requiresGrad || this.node.variable === this.self();
  }

  /**
   * Adds the gradients of this tensor to the `grad` of the leaves it depends on. Without `gradient` it must have one
   * element. Needs `@neurite/autograd` to be imported; nothing runs until a value is asked for.
   */
  backward(gradient?: Tensor, options: BackwardOptions = {}): void {
    getDifferentiator().backward(this.self(), gradient, options);
  }

  /** Makes `backward` accumulate into this tensor's `grad` although it is no leaf; hooks come first. */
  retainGrad(): void {
    if (!this.requiresGrad) throw new AutogradError('retainGrad: the tensor does not require gradients');
    if (!this.isLeaf) this.node.retainer = this.self();
  }

  /** Calls `hook` with the gradient of this tensor in each `backward`. */
  registerHook(hook: TensorHook): { remove(): void } {
    if (!this.requiresGrad) throw new AutogradError('registerHook: the tensor does not require gradients');
    const entry: NodeHook = hook;
    this.node.hooks ??= [];
    const { hooks } = this.node;
    hooks.push(entry);
    return {
      remove: () => {
        const i = hooks.indexOf(entry);
        if (i >= 0) hooks.splice(i, 1);
      },
    };
  }

  /** The same value without history: no gradient flows through it. */
  detach(): Tensor<S, D> {
    return wrap(this.node.requiresGrad ? detach(this.node) : this.node);
  }

  /** Another handle on the same value; moving one in place leaves the other. Gradients flow through. */
  clone(): Tensor<S, D> {
    return wrap(this.node);
  }

  /** This, as the class that all the method groups end in. */
  protected self(): Tensor<S, D> {
    return this as unknown as Tensor<S, D>;
  }
}
