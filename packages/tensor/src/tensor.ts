/**
 * The class. Its methods live by family in `methods/`, each group a base class of the next:
 * core (handle, gradients) → elementwise → reduction → movement → indexing → in place → here (products, values).
 */
import { DTYPE_NAMES, type DType, fromHalfBits, type TypedArray, viewAs } from './dtype.js';
import { ValueError } from './errors.js';
import { isGradEnabled } from './graph/grad-mode.js';
import type { Node } from './graph/node.js';
import { InPlaceMethods } from './methods/inplace.js';
import { bindTensorClass, nodeOf, wrap } from './methods/wrap.js';
import { unlisted, widened } from './ops/autocast.js';
import { bitcast, cast } from './ops/cast.js';
import { matmul, matmulOfRanks } from './ops/contraction.js';
import { showShape } from './ops/dims.js';
import { type Device, deviceOf } from './runtime/device.js';
import { readNode, transferNode } from './runtime/realize.js';
import { formatTensor, type Nested, nest } from './text.js';
import type { MatMul, MatMulCheck, Shape } from './types/shape.js';

/**
 * An n-dimensional array of one dtype. It records what is asked of it and computes nothing until values are read
 * (`data`, `item`, `array`, `realize`) or written back (`optimizer.step`).
 *
 * `S` holds the sizes where the compiler knows them: operands that cannot fit do not compile. A plain `Tensor` fits
 * everywhere and is checked when the op is recorded.
 */
export class Tensor<S extends Shape = Shape, D extends DType = DType> extends InPlaceMethods<S, D> {
  static {
    bindTensorClass((node) => new Tensor(node));
  }

  /** A handle on a graph node. */
  static fromNode<S extends Shape = Shape, D extends DType = DType>(node: Node): Tensor<S, D> {
    return wrap(node);
  }

  // Products

  /** Matrix product by PyTorch's rank rules: vectors, matrices, and batches of matrices that broadcast. */
  matmul<A extends Shape, T extends DType, B extends Shape>(
    this: Tensor<A, T>,
    other: Tensor<B> & MatMulCheck<A, B>,
  ): Tensor<MatMul<A, B>, T> {
    return wrap(matmul(this.node, nodeOf('matmul', other)));
  }
  /** Product of two matrices. */
  mm<A extends Shape, T extends DType, B extends Shape>(
    this: Tensor<A, T>,
    other: Tensor<B> & MatMulCheck<A, B>,
  ): Tensor<MatMul<A, B>, T> {
    return wrap(matmulOfRanks('mm', this.node, nodeOf('mm', other), [2, 2]));
  }
  /** Product of two equally long batches of matrices. */
  bmm<A extends Shape, T extends DType, B extends Shape>(
    this: Tensor<A, T>,
    other: Tensor<B> & MatMulCheck<A, B>,
  ): Tensor<MatMul<A, B>, T> {
    return wrap(matmulOfRanks('bmm', this.node, nodeOf('bmm', other), [3, 3]));
  }
  /** Matrix times vector. */
  mv<A extends Shape, T extends DType, B extends Shape>(
    this: Tensor<A, T>,
    other: Tensor<B> & MatMulCheck<A, B>,
  ): Tensor<MatMul<A, B>, T> {
    return wrap(matmulOfRanks('mv', this.node, nodeOf('mv', other), [2, 1]));
  }
  /** Inner product of two vectors. */
  dot<A extends Shape, T extends DType, B extends Shape>(
    this: Tensor<A, T>,
    other: Tensor<B> & MatMulCheck<A, B>,
  ): Tensor<MatMul<A, B>, T> {
    const [a, b] = widened([this.node, nodeOf('dot', other)]);
    return wrap(unlisted(() => matmulOfRanks('dot', a, b, [1, 1])));
  }

  // dtype and device

  /** As another dtype, or on another device; gradients flow back to where it came from. */
  to<T extends DType>(dtype: T): Tensor<S, T>;
  to(device: Device): Tensor<S, D>;
  to(target: DType | Device): Tensor {
    if (typeof target !== 'string') {
      if (target === this.node.device) return this;
      const moved = transferNode(this.node, target);
      if (this.requiresGrad && isGradEnabled()) {
        const home = deviceOf(this.node);
        moved.requiresGrad = true;
        moved.gradient = {
          name: 'to',
          inputs: [this.node],
          outputs: [moved],
          saves: () => false,
          backward: ([gradient]: readonly (Tensor | null)[]) => [gradient?.to(home) ?? null],
          consumed: false,
        };
      }
      return wrap(moved);
    }
    if (!DTYPE_NAMES.includes(target))
      throw new ValueError(`to: '${target}' is no dtype; there are ${DTYPE_NAMES.join(', ')}`);
    return this.on(cast(this.node, target));
  }
  float(): Tensor<S, 'float32'> {
    return this.on(cast(this.node, 'float32'));
  }
  double(): Tensor<S, 'float64'> {
    return this.on(cast(this.node, 'float64'));
  }
  half(): Tensor<S, 'float16'> {
    return this.on(cast(this.node, 'float16'));
  }
  int(): Tensor<S, 'int32'> {
    return this.on(cast(this.node, 'int32'));
  }
  bool(): Tensor<S, 'bool'> {
    return this.on(cast(this.node, 'bool'));
  }
  /** The same bits as another dtype of the same size. */
  bitcast<T extends DType>(dtype: T): Tensor<S, T> {
    return wrap(bitcast(this.node, dtype));
  }

  /** A handle on a converted node; this one where there was nothing to convert, as in PyTorch. */
  private on<T extends DType>(node: Node): Tensor<S, T> {
    return node === this.node ? (this as Tensor as Tensor<S, T>) : wrap(node);
  }

  // Values

  /** A copy of the elements in row-major order; float16 comes as Float32Array, bool as 0 and 1. */
  async data(): Promise<TypedArray> {
    const { dtype } = this.node;
    const values = viewAs(dtype, await readNode(this.node));
    return dtype === 'float16' ? Float32Array.from(values, fromHalfBits) : values;
  }
  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.numel !== 1)
      throw new ValueError(`item: needs a tensor of one element, got shape ${showShape(this.node.shape)}`);
    return (await this.data())[0];
  }
  /** The elements as nested arrays; of rank 0 a number. */
  async array(): Promise<Nested> {
    return nest(await this.data(), this.node.shape, this.node.dtype);
  }
  /** Shows the elements where they lie in host memory, else what the tensor is. */
  override toString(): string {
    return formatTensor(this.node);
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return formatTensor(this.node);
  }
}
