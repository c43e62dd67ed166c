/**
 * In-place methods: they compute a new value and move the handle to it. Other tensors that were made from the old value
 * keep it; there are no views.
 */
import type { DType } from '../dtype.js';
import { AutogradError, ShapeError } from '../errors.js';
import { isGradEnabled } from '../graph/grad-mode.js';
import type { Node } from '../graph/node.js';
import { bindVariable, ownNode } from '../graph/variable.js';
import { cast } from '../ops/cast.js';
import { full, numberOperand } from '../ops/create.js';
import { sameShape, showShape } from '../ops/dims.js';
import * as m from '../ops/math.js';
import { expand, expandTo } from '../ops/movement.js';
import { settleHandles } from '../runtime/pending.js';
import type { Tensor } from '../tensor.js';
import type { Shape } from '../types/shape.js';
import type { AlphaOption } from './elementwise.js';
import { IndexingMethods } from './indexing.js';
import { nodeOf, operand } from './wrap.js';

/** Moves a handle to a new value. A leaf that requires gradients must be inside `noGrad`, and stays such a leaf. */
function replace(target: Tensor, op: string, value: Node): void {
  const { node } = target;
  if (!sameShape(value.shape, node.shape))
    throw new ShapeError(
      `${op}: a result of shape ${showShape(value.shape)} does not fit in place of ${showShape(node.shape)}`,
    );
  const result = cast(value, node.dtype);
  if (node.variable !== target) target.node = result;
  else {
    bindVariable(target, result === node || result.requiresGrad ? ownNode(result) : result);
    // Weights that are updated by hand, step after step, must not become an ever longer chain.
    settleHandles([target]);
  }
}

function checkWritable(target: Tensor, op: string): void {
  if (target.requiresGrad && target.isLeaf && isGradEnabled())
    throw new AutogradError(
      `${op}: a leaf tensor that requires grad is being used in an in-place operation; do it inside noGrad`,
    );
}

export abstract class InPlaceMethods<S extends Shape, D extends DType> extends IndexingMethods<S, D> {
  /** Takes over the value of `source`, broadcast to this shape and cast to this dtype. */
  copy_(source: Tensor | number): this {
    if (typeof source === 'number') return this.fill_(source);
    return this.write('copy_', (own) => {
      const from = nodeOf('copy_', source);
      const fitted = cast(expand(from, own.shape, 'copy_'), own.dtype);
      // Gradients may flow on to the source; a value without history gets a node of its own.
      return fitted === from && !fitted.requiresGrad ? ownNode(from) : fitted;
    });
  }
  fill_(value: number | boolean): this {
    return this.write('fill_', (own) => expandTo(numberOperand(Number(value), own.dtype), own.shape));
  }
  zero_(): this {
    return this.write('zero_', (own) => full(own.shape, 0, own.dtype));
  }
  add_(other: Tensor | number, options: AlphaOption = {}): this {
    return this.write('add_', (own) => m.add(own, m.scaledOperand(operand('add_', other), options.alpha)));
  }
  sub_(other: Tensor | number, options: AlphaOption = {}): this {
    return this.write('sub_', (own) => m.sub(own, m.scaledOperand(operand('sub_', other), options.alpha)));
  }
  mul_(other: Tensor | number): this {
    return this.write('mul_', (own) => m.mul(own, operand('mul_', other)));
  }
  div_(other: Tensor | number): this {
    return this.write('div_', (own) => m.div(own, operand('div_', other)));
  }
  clamp_(min?: Tensor | number | null, max?: Tensor | number | null): this {
    const limit = (x?: Tensor | number | null) =>
      x === undefined || x === null ? null : operand('clamp_', x);
    return this.write('clamp_', (own) => m.clamp(own, limit(min), limit(max)));
  }

  private write(op: string, compute: (own: Node) => Node): this {
    const self = this.self() as Tensor;
    checkWritable(self, op);
    replace(self, op, compute(this.node));
    return this;
  }
}
